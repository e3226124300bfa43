"""Gaussian filter along one axis, to the bit what SciPy's is, without loading SciPy."""

from __future__ import annotations

import numpy as np


def gaussian_filter1d(
    values: np.ndarray, sigma: float, axis: int = -1, mode: str = "symmetric"
) -> np.ndarray:
    """Smooth an array along an axis; the window ends at four standard deviations.

    Args:
        values: float array.
        sigma: standard deviation in samples, more than 0.
        axis: along which to smooth.
        mode: how the array goes on beyond its ends, a name of `numpy.pad`: "symmetric" (SciPy's
            "reflect") or "edge" (SciPy's "nearest").
    """
    reach = int(4.0 * sigma + 0.5)
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 / (sigma * sigma) * steps**2)
    weights = (weights / weights.sum())[reach:]
    rows = np.moveaxis(np.asarray(values, np.float64), axis, 0)
    count = len(rows)
    rows = np.pad(rows, [(reach, reach)] + [(0, 0)] * (rows.ndim - 1), mode=mode)
    out = rows[reach : reach + count] * weights[0]
    for step in range(reach, 0, -1):
        before, after = (rows[reach + k : reach + k + count] for k in (-step, step))
        out += (before + after) * weights[step]
    return np.moveaxis(out, 0, axis).astype(values.dtype)


def smooth_parts(
    values: np.ndarray, sigma: float, parts: np.ndarray | None = None, mode: str = "symmetric"
) -> np.ndarray:
    """Smooth rows in time, each part by itself, so that none takes up what another one shows.

    Args:
        values: rows, float [T,...].
        sigma: standard deviation in rows; 0: the rows are returned as they are.
        parts: number of every row's part, int [T]; None: all rows are one part.
        mode: how each part goes on beyond its ends, see `gaussian_filter1d`.
    """
    if sigma <= 0:
        return values
    if parts is None:
        return gaussian_filter1d(values, sigma, 0, mode)
    out = np.empty_like(values)
    for part in np.unique(parts):
        out[parts == part] = gaussian_filter1d(values[parts == part], sigma, 0, mode)
    return out
