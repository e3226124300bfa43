"""Regions over which figures are taken, cut from the label image of the TRUE frame.

The render is never segmented: a render that loses its hair must not lose its hair region too.
"""

import cv2
import numpy as np

from unigs.subject.labels import BACKGROUND, FACE, HAIR, MOUTH, TORSO

REGIONS = ("full", "person", "head", "face", "mouth", "hair", "torso", "band")
"""Regions of figures on pixels, in the order of `metrics.json`."""


def band_mask(labels: np.ndarray, reach: int) -> np.ndarray:
    """Pixels within `reach` (Chebyshev distance, px) of both hair and torso.

    Args:
        labels: label image, uint8 [H,W].
        reach: half the width of the band along a straight hair/torso boundary, px.

    Returns:
        bool [H,W].
    """
    box = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    hair = cv2.dilate((labels == HAIR).astype(np.uint8), box)
    torso = cv2.dilate((labels == TORSO).astype(np.uint8), box)
    return (hair & torso).astype(bool)


def person_mask(labels: np.ndarray, margin: int) -> np.ndarray:
    """Everything but background, eroded by `margin` px, so that the plate plays no part.

    The image border does not erode: the torso goes on below it.

    Args:
        labels: label image, uint8 [H,W].
        margin: erosion, px; 0 or less: none.

    Returns:
        bool [H,W].
    """
    person = (labels != BACKGROUND).astype(np.uint8)
    if margin <= 0:
        return person.astype(bool)
    box = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return cv2.erode(person, box, borderType=cv2.BORDER_CONSTANT, borderValue=1).astype(bool)


def region_masks(
    labels: np.ndarray, band_share: float, erode_share: float
) -> dict[str, np.ndarray]:
    """Masks of `REGIONS` for one frame, each bool [H,W].

    head is face, mouth and hair together; person is the eroded person mask.

    Args:
        labels: label image, uint8 [H,W].
        band_share: reach of the hair/torso band as a share of the width.
        erode_share: erosion of the person mask as a share of the width.
    """
    width = labels.shape[1]
    face, mouth, hair = labels == FACE, labels == MOUTH, labels == HAIR
    return {
        "full": np.ones(labels.shape, bool),
        "person": person_mask(labels, int(width * erode_share)),
        "head": face | mouth | hair,
        "face": face,
        "mouth": mouth,
        "hair": hair,
        "torso": labels == TORSO,
        "band": band_mask(labels, max(1, int(width * band_share))),
    }
