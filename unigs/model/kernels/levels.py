"""Levels of the tri-plane grids: their resolutions, and where each lies in its table (eq. 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

FEATURES = (1, 2, 4)
"""Numbers of features per vertex, F, that the kernels are written for."""


@dataclass(frozen=True, eq=False)
class LevelTable:
    """Layout of the levels in the table of one plane.

    Attributes:
        resolutions: [L] int64, cells along each side.
        sizes: [L] int64, entries of the level: (r + 1)^2, or a power of two if it is hashed.
        offsets: [L] int64, first entry of the level.
    """

    resolutions: np.ndarray
    sizes: np.ndarray
    offsets: np.ndarray

    @property
    def n_levels(self) -> int:
        return len(self.resolutions)

    @property
    def entries(self) -> int:
        """E, the entries of one plane's table over all levels."""
        return int(self.sizes.sum())

    @property
    def hashed(self) -> np.ndarray:
        """[L] bool, whether a level has more vertices than entries."""
        return (self.resolutions + 1) ** 2 > self.sizes


def levels(n_levels: int, base: int, finest: int, log2_entries: int) -> LevelTable:
    """Resolutions base .. finest in geometric steps.

    Args:
        n_levels: number of levels, L.
        base: cells along a side of the coarsest level.
        finest: cells along a side of the finest level (of the only level: base).
        log2_entries: a level with more than 2^log2_entries vertices is hashed.

    Raises:
        ValueError: no level, no cell, or a finest level coarser than the base.
    """
    if n_levels < 1 or base < 1 or finest < base:
        raise ValueError(f"levels need 1 <= base <= finest, got {n_levels=}, {base=}, {finest=}")
    growth = math.log(finest / base) / max(n_levels - 1, 1)
    # the small term keeps the finest level from falling to finest - 1 by rounding
    resolutions = [math.floor(base * math.exp(growth * k) + 1e-6) for k in range(n_levels)]
    sizes = [min(1 << log2_entries, (r + 1) ** 2) for r in resolutions]
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return LevelTable(
        np.array(resolutions, np.int64), np.array(sizes, np.int64), offsets.astype(np.int64)
    )


def check(points: Tensor, tables: Tensor, table: LevelTable) -> None:
    """Refuse points, tables and levels that do not fit together.

    Raises:
        ValueError: it names the shape.
    """
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"points must be [N,3], got {tuple(points.shape)}")
    if tables.ndim != 3 or tables.shape[:2] != (3, table.entries):
        raise ValueError(
            f"tables must be [3,{table.entries},F] for these levels, got {tuple(tables.shape)}"
        )
    if tables.shape[2] not in FEATURES:
        raise ValueError(f"F must be one of {FEATURES}, got {tables.shape[2]}")
