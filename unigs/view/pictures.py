"""What is shown of a frame in the plane: truth, render, their difference, the regions."""

from __future__ import annotations

import numpy as np

from unigs.evaluate.image import psnr, squared_error
from unigs.subject.labels import overlay

TRUTH, RENDER, DIFFERENCE, REGIONS = "truth", "render", "difference", "regions"
ALL = "all"
"""Truth beside render, the difference and the regions below."""
GAIN = 4
"""How many times the difference is shown."""
GAP = 4
"""Pixels between the pictures of `ALL`."""


def difference(truth: np.ndarray, render: np.ndarray) -> np.ndarray:
    """`GAIN` times the absolute difference, uint8 [H,W,3]: black where both agree."""
    apart = np.abs(truth.astype(np.int32) - render)
    return np.minimum(GAIN * apart, 255).astype(np.uint8)


def decibels(truth: np.ndarray, render: np.ndarray) -> float:
    """PSNR of the whole frame in dB; infinite if both are equal."""
    return psnr(float(squared_error(truth, render).mean()))


def picture(
    kind: str, truth: np.ndarray, render: np.ndarray, labels: np.ndarray | None
) -> np.ndarray:
    """The picture of a frame, uint8 [h,w,3].

    Args:
        kind: TRUTH, RENDER, DIFFERENCE, REGIONS or ALL.
        truth: the true frame, uint8 [H,W,3].
        render: the portrait's, uint8 [H,W,3].
        labels: its label image [H,W]; None: the truth stands where the regions would.
    """
    if kind == ALL:
        kinds = (TRUTH, RENDER), (DIFFERENCE, REGIONS)
        height, width = truth.shape[:2]
        sheet = np.zeros((2 * height + GAP, 2 * width + GAP, 3), np.uint8)
        for row, pair in enumerate(kinds):
            for column, one in enumerate(pair):
                y, x = row * (height + GAP), column * (width + GAP)
                sheet[y : y + height, x : x + width] = picture(one, truth, render, labels)
        return sheet
    if kind == DIFFERENCE:
        return difference(truth, render)
    if kind == RENDER:
        return render
    return truth if kind == TRUTH or labels is None else overlay(truth, labels)
