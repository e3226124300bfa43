"""Removes implausible parts from a label image: specks, holes, hair that hangs on nothing."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.face.face_frame import CHIN_Y, EAR_LOBE_Y
from unigs.subject.labels import BACKGROUND, FACE, HAIR, TORSO


def components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected parts of a bool mask [H,W]: part numbers [H,W] (0 outside) and areas [parts+1]."""
    # OpenCV's statistics take nine times as long as its labels, and most masks are one part.
    count, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    if count <= 2:
        return parts, np.array([0, np.count_nonzero(mask)][:count])
    areas = np.bincount(parts.ravel(), minlength=count)
    areas[0] = 0
    return parts, areas


def solid_person(person: np.ndarray, speck: int) -> np.ndarray:
    """Drop parts of a bool person mask [H,W] and fill holes in it, both up to `speck` pixels."""
    parts, areas = components(person)
    # A real second part (a shoulder cut off by the frame's edge) is larger than a speck.
    keep = areas > max(speck, 0.01 * areas.max(initial=0))
    if not keep[1:].all():
        person = keep.take(parts)
    parts, areas = components(~person)
    small = areas <= speck
    small[0] = False
    return person | small.take(parts) if small.any() else person


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
    labels, below, above = labels.copy(), height > CHIN_Y - 0.02, height < EAR_LOBE_Y
    face, hair, torso = np.moveaxis(scores, 2, 0)
    seconds = {
        FACE: lambda: _either(torso > hair, TORSO, HAIR),
        HAIR: lambda: _either(below | (torso > face), TORSO, FACE),
        TORSO: lambda: _either(face > hair, FACE, HAIR),
    }
    for label, second in seconds.items():
        mask = labels == label
        parts, areas = components(mask)
        if len(areas) < 2:
            continue
        wrong = areas <= max(speck, 0.02 * areas.max() if label == FACE else 0)
        # Torso begins below the chin; hair begins above the ear lobes or hangs on hair that does.
        wrong |= ~_any_of(parts, len(areas), mask & (below if label == TORSO else above))
        wrong[0] = False
        if label == HAIR and wrong.any():
            rooted = cv2.dilate((mask & ~wrong.take(parts)).astype(np.uint8), np.ones((7, 7)))
            hanging = _any_of(parts, len(areas), mask & (rooted > 0))
            wrong &= ~(hanging & (areas > speck))
        if wrong.any():
            np.copyto(labels, second(), where=wrong.take(parts))
    return labels


def _either(mask: np.ndarray, one: int, other: int) -> np.ndarray:
    """Labels uint8 [H,W]: `one` in a bool mask [H,W], `other` elsewhere."""
    labels = np.full(mask.shape, other, np.uint8)
    np.copyto(labels, np.uint8(one), where=mask)
    return labels


def _any_of(parts: np.ndarray, count: int, mask: np.ndarray) -> np.ndarray:
    """For every part, whether it has a pixel in a bool mask of parts alone: [count] bool."""
    if count == 2:
        return np.array([False, mask.any()])
    return np.bincount(parts[mask].ravel(), minlength=count) > 0


def fill_unassigned(labels: np.ndarray, person: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Give every pixel of the person its likeliest region, every other pixel background.

    Args:
        labels: uint8 [H,W]; only background pixels inside the person are relabeled.
        person: bool [H,W].
        scores: [H,W,3] probabilities of face, hair and torso.
    """
    face, hair, torso = np.moveaxis(scores, 2, 0)
    # Plane by plane: NumPy's reductions over a short last axis are slow.
    best = _either(hair >= torso, HAIR, TORSO)
    np.copyto(best, np.uint8(FACE), where=(face >= hair) & (face >= torso))
    np.copyto(best, labels, where=labels != BACKGROUND)
    best *= person
    return best
