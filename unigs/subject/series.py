"""Rows in time: runs, gaps and values between rows."""

from __future__ import annotations

import numpy as np


def runs(mask: np.ndarray) -> list[slice]:
    """Every unbroken run of True in a bool array [T], as slices in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return [slice(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def fill_gaps(values: np.ndarray, known: np.ndarray, parts: np.ndarray | None = None) -> np.ndarray:
    """Replace unknown rows by linear interpolation in time.

    Args:
        values: rows [T,C].
        known: which rows are known, bool [T], at least one; before the first and after the last
            the value is constant.
        parts: number of every row's part, int [T]: a part with known rows is filled from these
            alone. None: all rows are one part.

    Returns:
        Rows [T,C].
    """
    frames = np.arange(len(values))
    filled = np.stack([np.interp(frames, frames[known], x[known]) for x in values.T], axis=1)
    for part in () if parts is None else np.unique(parts[known]):
        here = parts == part
        filled[here] = fill_gaps(values[here], known[here])
    return filled


def evenly_spaced(rows: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of the rows [N], at least one, evenly spaced, with the first and the last."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]


def interpolate(rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Values between rows, linear.

    Args:
        rows: values [n,D].
        positions: where to read, [m] in [0, n - 1].

    Returns:
        Values at the positions, float32 [m,D].
    """
    low = np.clip(np.floor(positions).astype(int), 0, max(len(rows) - 2, 0))
    high = np.minimum(low + 1, len(rows) - 1)
    share = (positions - low)[:, None]
    return (rows[low] * (1 - share) + rows[high] * share).astype(np.float32)
