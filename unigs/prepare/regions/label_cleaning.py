"""Removes implausible parts from a label image: specks, holes, hair that hangs on nothing."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.face.face_frame import CHIN_Y, EAR_LOBE_Y
from unigs.subject.labels import BACKGROUND, FACE, HAIR, TORSO


def components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected parts of a bool mask [H,W]: part numbers [H,W] (0 outside) and areas [parts+1]."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return parts, areas


def solid_person(person: np.ndarray, speck: int) -> np.ndarray:
    """Drop parts of a bool person mask [H,W] and fill holes in it, both up to `speck` pixels."""
    parts, areas = components(person)
    # A real second part (a shoulder cut off by the frame's edge) is larger than a speck.
    person = (areas > max(speck, 0.01 * areas.max(initial=0)))[parts]
    parts, areas = components(~person)
    small = areas <= speck
    small[0] = False
    return person | small[parts]


def clean(labels: np.ndarray, scores: np.ndarray, height: np.ndarray, speck: int) -> np.ndarray:
    """Relabel misplaced parts of face, hair and torso.

    Args:
        labels: uint8 [H,W] of BACKGROUND, FACE, HAIR, TORSO.
        scores: [H,W,3] probabilities of face, hair and torso, for the second-best label.
        height: [H,W] meters below the origin of the face frame.
        speck: parts up to this many pixels are taken for noise.

    Returns:
        Labels [H,W]; background stays as it was.
    """
    labels, below = labels.copy(), height > CHIN_Y - 0.02
    order = (FACE, HAIR, TORSO)
    for index, label in enumerate(order):
        parts, areas = components(labels == label)
        if len(areas) < 2:
            continue
        wrong = areas <= max(speck, 0.02 * areas.max() if label == FACE else 0)
        reach = _any_of(parts, len(areas), below if label == TORSO else height < EAR_LOBE_Y)
        # Torso begins below the chin; hair begins above the ear lobes or hangs on hair that does.
        wrong |= ~reach
        wrong[0] = False
        if label == HAIR and wrong.any():
            rooted = cv2.dilate((~wrong[parts] & (parts > 0)).astype(np.uint8), np.ones((7, 7)))
            hanging = _any_of(parts, len(areas), rooted > 0)
            wrong &= ~(hanging & (areas > speck))
        bad = wrong[parts] & (parts > 0)
        others = np.delete(np.arange(3), index)
        if label == TORSO:
            second = np.where(scores[..., 0] > scores[..., 1], FACE, HAIR)
        else:
            second = np.array(order)[others][scores[..., others].argmax(-1)]
            if label == HAIR:
                second = np.where(below, TORSO, second)
        labels[bad] = second[bad]
    return labels


def _any_of(parts: np.ndarray, count: int, mask: np.ndarray) -> np.ndarray:
    """For every part, whether it has a pixel in a bool mask: [count] bool."""
    return np.bincount(parts[mask].ravel(), minlength=count) > 0


def fill_unassigned(labels: np.ndarray, person: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Give every pixel of the person its likeliest region, every other pixel background.

    Args:
        labels: uint8 [H,W]; only background pixels inside the person are relabeled.
        person: bool [H,W].
        scores: [H,W,3] probabilities of face, hair and torso.
    """
    best = np.array([FACE, HAIR, TORSO], np.uint8)[scores.argmax(-1)]
    return np.where(person, np.where(labels == BACKGROUND, best, labels), BACKGROUND).astype(
        np.uint8
    )
