"""Which frames of a clip are held out for the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from unigs.prepare.clip.ranges import in_ranges
from unigs.settings.screen import ScreenSettings
from unigs.stage.errors import UserError
from unigs.subject.frame_table import FEWEST_TRAINING_FRAMES, TEST, TRAIN, FrameTable

RANGE = (1.0, 99.0)
"""Percentiles of the other frames' head angles between which a direction counts as seen."""


def held_out(keep: np.ndarray, settings: ScreenSettings, angles: np.ndarray) -> np.ndarray:
    """Frames [T] bool of the test split; removed frames belong to the block in which they lie.

    The kept frames are cut into `held_out_blocks` parts of equal length; the last `test_share` of
    each part is held out. One block reproduces the custom of the field, first 10/11 and last 1/11.
    With `test_block` unseen, one block of that size is held out wherever it is hardest.

    Args:
        keep: frames that count [T] bool.
        settings: share and place of the test part.
        angles: yaw, pitch and roll of the head [T,3], degrees; NaN without a face.

    Raises:
        UserError: the share does not lie between 0 and 1, or there is no block.
    """
    if not 0 < settings.test_share < 1 or settings.held_out_blocks < 1:
        raise UserError("test_share must lie between 0 and 1, held_out_blocks must be 1 or more.")
    rank = np.maximum(np.cumsum(keep) - 1, 0)  # number of the last kept frame so far
    if settings.test_block == "unseen":
        first, last = unseen_block(angles[keep], settings.test_share)
        return (rank >= first) & (rank < last)
    edges = np.linspace(0, int(keep.sum()), settings.held_out_blocks + 1).astype(int)
    test = np.zeros(len(keep), bool)
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        begin = first + _training(last - first, settings.test_share)
        test |= (rank >= begin) & (rank < last)
    return test


def hold_out_ranges(
    table: FrameTable, ranges: list[tuple[float, float]], video: Path
) -> FrameTable:
    """A frame table whose test part is what somebody chose.

    Args:
        table: frame table of a clip.
        ranges: first and last second of each run of frames that is held out.
        video: the clip, for messages.

    Raises:
        UserError: no frame that counts lies in one of the ranges, or too few lie outside.
    """
    inside = in_ranges(table.time, ranges)
    words = ",".join(map(_words, ranges))
    for one in ranges:
        if not (in_ranges(table.time, [one]) & table.keep).any():
            raise UserError(
                f"{video}: no frame that counts lies in the seconds {_words(one)} that are to be "
                f"the test (the clip has {table.time[-1]:.1f} s): choose others in the column test."
            )
    kept, left = int(table.keep.sum()), int((table.keep & ~inside).sum())
    if left < FEWEST_TRAINING_FRAMES <= kept:
        raise UserError(
            f"{video}: the seconds {words} that are to be the test leave {left} training frames, "
            f"and {FEWEST_TRAINING_FRAMES} are needed: hold out less in the column test."
        )
    return replace(table, split=np.where(inside, TEST, TRAIN))


def _words(seconds: tuple[float, float]) -> str:
    """A range as people write it."""
    return "{:g}-{:g}".format(*seconds)


def unseen_block(angles: np.ndarray, share: float) -> tuple[int, int]:
    """The run of frames whose heads turn furthest beyond what the other frames show.

    Beyond is what an angle has outside of the other frames' range (`RANGE`), in degrees; of a run
    the mean length of that vector counts, and of equal runs the last one.

    Args:
        angles: yaw, pitch and roll [n,3] of the kept frames, degrees; NaN counts as seen.
        share: share of the frames that the run has.

    Returns:
        First frame of the run, and the one behind its last.
    """
    length = len(angles) - _training(len(angles), share)
    best, found = -1.0, (len(angles) - length, len(angles))
    if length >= len(angles):
        return found
    for first in range(len(angles) - length, -1, -1):
        run = angles[first : first + length]
        others = np.concatenate([angles[:first], angles[first + length :]])
        low, high = np.nanpercentile(others, RANGE, axis=0)
        beyond = np.nan_to_num(np.maximum(low - run, 0) + np.maximum(run - high, 0))
        mean = float(np.linalg.norm(beyond, axis=1).mean())
        if mean > best:
            best, found = mean, (first, first + length)
    return found


def _training(count: int, share: float) -> int:
    """How many of so many frames are not held out."""
    return int(count * (1 - share))
