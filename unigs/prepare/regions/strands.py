"""Hair hangs from hair: which pixels a strand leads to from hair that is higher up.

From every row to the next a path may go straight down or one pixel to a side, and pays for changes
of color on its way. Along a strand they are small, also where light from behind makes its end
brighter than any hair above it; between hair and the cloth that it falls on there is an edge, and a
shoulder beside the hair has nothing but background above it.
"""

from __future__ import annotations

import cv2
import numpy as np

from unigs.face.face_frame import CHIN_Y

SLOPES = -1, 0, 1
"""Pixels that a path may go sideways from one row to the next."""
FREE, SLOPING, NOWHERE = 2.0, 0.3, 60.0
"""Change of color (CIE L*a*b*) that costs nothing, what a step aside costs, and a cost that is as
good as no path: that of leaving the person."""
SCALE, SEED_SCALE = 8.0, 8.0
"""Costs at which belief falls to 1/e: along a path, and of its first pixel by its own color."""
BEGIN_Y, END_Y, FADE = 0.03, CHIN_Y - 0.01, 0.02
"""Meters below the origin of the face frame: paths start between BEGIN_Y and END_Y, and count from
BEGIN_Y on, fully so FADE further down. Above, hair is told by its place."""
LEAST_HAIR, LEAST_OTHER = 0.05, 0.2
"""Least factors of the probability of hair (on no path) and of anything else (on a free path)."""


def steps_down(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What each step from one row to the next costs.

    Args:
        image: uint8 RGB [H,W,3].
        inside: probability [H,W] that a pixel shows the person.

    Returns:
        float32 [3,H,W]: cost of coming to a pixel from the row above, from its left, from straight
        above and from its right; the first row's is 0.
    """
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 0.8), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 0] *= 100 / 255
    above = cv2.copyMakeBorder(lab, 0, 0, 1, 1, cv2.BORDER_REPLICATE)[:-1]
    width, costs = lab.shape[1], np.zeros((len(SLOPES), *inside.shape), np.float32)
    leaves = np.where(inside[1:] > 0.5, 0, NOWHERE)
    for cost, slope in zip(costs, SLOPES, strict=True):
        change = lab[1:] - above[:, 1 + slope : 1 + slope + width]
        change = cv2.sqrt(cv2.transform(cv2.multiply(change, change), np.ones((1, 3))))
        cost[1:] = np.maximum(change - FREE, 0) + SLOPING * abs(slope) + leaves
    return costs


def reached(steps: np.ndarray, hair: np.ndarray, height: np.ndarray) -> np.ndarray:
    """How surely a strand leads to a pixel from hair above the chin, [H,W] of 0 to 1.

    Args:
        steps: costs [3,H,W] from `steps_down`.
        hair: probability [H,W] of hair by color and place; 0 outside the person.
        height: meters [H,W] below the origin of the face frame.

    Returns:
        float32 [H,W]. Paths go from the first row on.
    """
    rows, width = hair.shape
    start = np.where(height < END_Y, -SEED_SCALE * np.log(np.maximum(hair, 1e-3)), NOWHERE)
    cost = np.full((rows, width + 2), NOWHERE, np.float32)
    cost[:, 1:-1] = np.minimum(start, NOWHERE)
    from_above = np.lib.stride_tricks.sliding_window_view(cost, width, axis=1)
    for row in range(1, rows):
        least = np.minimum.reduce(from_above[row - 1] + steps[:, row])
        np.minimum(cost[row, 1:-1], least, out=cost[row, 1:-1])
    return np.exp(cost[:, 1:-1] / -SCALE)


def favor_strands(
    shares: list[np.ndarray], steps: np.ndarray, inside: np.ndarray, height: np.ndarray
) -> list[np.ndarray]:
    """Probabilities that also know what hangs from hair.

    Args:
        shares: probabilities [H,W] of skin, of hair and of cloth by color and place.
        steps: costs [3,H,W] from `steps_down`.
        inside: probability [H,W] that a pixel shows the person.
        height: meters [H,W] below the origin of the face frame.

    Returns:
        Probabilities [H,W] of skin, of hair and of cloth.
    """
    lower = np.flatnonzero((height > BEGIN_Y).any(1))
    if len(lower) == 0:
        return shares
    rows = slice(max(0, lower[0] - 1), None)
    skin, hair, cloth = (plane[rows] for plane in shares)
    strand = reached(steps[:, rows], np.where(inside[rows] > 0.5, hair, 0), height[rows])
    trust = np.clip((height[rows] - BEGIN_Y) / FADE, 0, 1)
    other = np.maximum(1 - strand, LEAST_OTHER) ** trust
    hair = hair * np.maximum(strand, LEAST_HAIR) ** trust
    skin, cloth = skin * other, cloth * other
    total = skin + hair + cloth
    knowing = [plane.astype(np.float32) for plane in shares]
    for plane, part in zip(knowing, (skin, hair, cloth), strict=True):
        np.divide(part, total, out=plane[rows], casting="same_kind")
    return knowing
