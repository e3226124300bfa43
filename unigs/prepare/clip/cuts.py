"""Jump cuts, from how much the picture changes between two frames."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.settings.screen import ScreenSettings

CUT_GRID = 8
"""Blocks per side in which frame differences are averaged."""
CUT_SIZE = 128
"""Pixels per side at which frames are compared."""
CUT_REACH = 4
"""Frames to either side whose median change is the usual change."""
CUT_FAR = 25
"""Frames to either side in which no other change may come near that of an isolated cut."""
CUT_ALONE = 2.5
"""Least ratio of an isolated cut's change to the largest other change within CUT_FAR frames."""
CUT_MOST = 3.0
"""Change ratios of blocks are clipped here, so that a few blocks cannot outvote the rest."""
CUT_NOISE = 0.1
"""Gray levels added to both sides of a ratio, so that still blocks do not divide by zero."""


def small_gray(frame: np.ndarray) -> np.ndarray:
    """A frame uint8 [H,W,3] as gray levels float32 [CUT_SIZE,CUT_SIZE]."""
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    gray = cv2.resize(gray, (CUT_SIZE, CUT_SIZE), interpolation=cv2.INTER_AREA)
    return gray.astype(np.float32)


def block_changes(gray: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Mean absolute difference of two pictures from `small_gray` in each block [CUT_GRID**2]."""
    side = CUT_SIZE // CUT_GRID
    change = np.abs(gray - before)
    return change.reshape(CUT_GRID, side, CUT_GRID, side).mean((1, 3)).ravel()


def find_cuts(blocks: np.ndarray, settings: ScreenSettings) -> np.ndarray:
    """First frames after a jump cut.

    A cut changes the picture more than the frames around it do, in most of the picture, and either
    more than is usual in the clip or far more than any other frame within CUT_FAR frames.

    Args:
        blocks: [T,B] mean absolute gray difference to the frame before, per block.
        settings: cut_ratio, cut_tail, cut_spread.

    Returns:
        [T] bool.
    """
    count, change = len(blocks), blocks.mean(1)
    whole, spread, alone = np.ones(count), np.ones(count), np.zeros(count, bool)
    for k in range(1, count):
        around = _neighbors(k, CUT_REACH, count)
        if not around:
            continue
        usual = np.median(blocks[around], axis=0) + CUT_NOISE
        ratio = np.minimum((blocks[k] + CUT_NOISE) / usual, CUT_MOST)
        spread[k] = np.exp(np.log(ratio).mean())
        usual = np.median(change[around]) + CUT_NOISE / 2
        whole[k] = (change[k] + CUT_NOISE / 2) / usual
        alone[k] = change[k] > CUT_ALONE * change[_neighbors(k, CUT_FAR, count)].max()
    tail = max(1.0, float(np.quantile(whole, 0.95)))
    unusual = (whole >= tail**settings.cut_tail) | alone
    return unusual & (whole >= settings.cut_ratio) & (spread >= settings.cut_spread)


def _neighbors(k: int, reach: int, count: int) -> list[int]:
    """Rows with a difference within `reach` of row k, without k (row 0 has none)."""
    return [j for j in range(max(1, k - reach), min(count, k + reach + 1)) if j != k]
