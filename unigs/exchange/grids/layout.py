"""Where tiny-cuda-nn and torch-ngp keep the features of a multi-resolution grid.

Both sample level l at x s_l + 1/2 with s_l = base growth^l - 1, and hash what does not fit alike.
They differ in the vertices that they count along a side of a dense level: tiny-cuda-nn
ceil(s_l) + 1, so that the vertex behind the last wraps around, torch-ngp one more. With
`align_corners` torch-ngp samples at x s_l and counts as tiny-cuda-nn does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import numpy as np

from unigs.stage.errors import UserError

PRIMES = (1, 2654435761, 805459861, 3674653429)
"""Factors of the hash, one for each coordinate."""
PADDING = 8
"""Entries of a level come in multiples of this many."""
LARGEST_DENSE = {2: 0xFFFF, 3: 0x659, 4: 0xFF}
"""Vertices along a side from which on tiny-cuda-nn hashes whatever the size of the table."""
MOST_ENTRIES = (2**32 - 1) // 2
"""Vertices of a level that tiny-cuda-nn counts at most."""


@dataclass(frozen=True)
class GridLayout:
    """A multi-resolution grid, by the arguments that both systems give it."""

    kind: Literal["tcnn", "torch-ngp"]
    """Whose."""
    dims: int
    """Coordinates of a point: 2 or 3, of tiny-cuda-nn also 4."""
    n_levels: int
    """Levels (tcnn n_levels, torch-ngp num_levels)."""
    features: int
    """Features of an entry (n_features_per_level, level_dim)."""
    log2_entries: int
    """A level has at most 2^log2_entries entries (log2_hashmap_size)."""
    base: int
    """base_resolution."""
    growth: float
    """per_level_scale."""
    align_corners: bool = False
    """Of torch-ngp."""
    smoothstep: bool = False
    """Whether weights go through 3 w^2 - 2 w^3 (interpolation Smoothstep)."""
    padded: bool = True
    """Whether entries come in multiples of eight; those of the oldest torch-ngp do not."""

    def __post_init__(self) -> None:
        if self.kind not in ("tcnn", "torch-ngp") or not 2 <= self.dims <= 4:
            raise UserError(f"a grid of {self.kind} with {self.dims} coordinates is not known.")
        if min(self.n_levels, self.features, self.base) < 1 or not self.growth > 0:
            raise UserError("a grid needs levels, features, a base resolution and a growth.")
        if self.align_corners and self.kind == "tcnn":
            raise UserError("tiny-cuda-nn's grids have no align_corners.")

    @property
    def scales(self) -> np.ndarray:
        """s_l [L], float32 as both compute it: exp2(l log2 growth) base - 1."""
        steps = np.arange(self.n_levels, dtype=np.float32) * np.float32(np.log2(self.growth))
        return np.exp2(steps) * np.float32(self.base) - np.float32(1)

    @property
    def sides(self) -> list[int]:
        """Vertices along a side of each level, by which dense entries are numbered."""
        more = 1 if self.kind == "torch-ngp" and not self.align_corners else 0
        return [int(np.ceil(scale)) + 1 + more for scale in self.scales]

    @property
    def sizes(self) -> list[int]:
        """Entries of each level."""
        sizes = []
        for level, side in enumerate(self.sides):
            if self.kind == "torch-ngp":
                # Counted apart from the sampling, in float64.
                side = int(np.ceil(self.base * self.growth**level)) + (not self.align_corners)
            vertices = side**self.dims
            if self.kind == "tcnn":
                vertices = min(vertices, MOST_ENTRIES)
            else:
                vertices = min(vertices, 1 << self.log2_entries)
            if self.padded:
                vertices = -(-vertices // PADDING) * PADDING
            sizes.append(min(vertices, 1 << self.log2_entries) if self.kind == "tcnn" else vertices)
        return sizes

    @property
    def offsets(self) -> list[int]:
        """First entry of each level, and behind the last the number of all."""
        return [0, *accumulate(self.sizes)]

    @property
    def hashed(self) -> list[bool]:
        """Whether each level is hashed."""
        found = []
        for side, size in zip(self.sides, self.sizes, strict=True):
            large = self.kind == "tcnn" and side > LARGEST_DENSE[self.dims]
            found.append(large or side**self.dims > size)
        return found

    def entries(self, level: int, vertices: np.ndarray) -> np.ndarray:
        """Entry within its level of vertices [...,dims], whole numbers from 0: int64 [...]."""
        whole = vertices.astype(np.uint64)
        size, side = self.sizes[level], self.sides[level]
        if self.hashed[level]:
            index = np.zeros(whole.shape[:-1], np.uint64)
            for axis in range(self.dims):
                index ^= (whole[..., axis] * np.uint64(PRIMES[axis])) & np.uint64(0xFFFFFFFF)
        else:
            strides = np.array([side**axis for axis in range(self.dims)], np.uint64)
            index = (whole * strides).sum(-1) & np.uint64(0xFFFFFFFF)
        return (index % np.uint64(size)).astype(np.int64)


def sample(layout: GridLayout, table: np.ndarray, points: np.ndarray) -> np.ndarray:
    """What a grid holds at points, as its own kernel computes it.

    Args:
        layout: the grid.
        table: all entries [E,features].
        points: [N,dims], 0 to 1.

    Returns:
        float32 [N,L*features], level after level.

    Raises:
        UserError: the table is of another grid.
    """
    check_table(layout, table)
    points = np.asarray(points, np.float32)
    outputs = []
    for level, (scale, first) in enumerate(zip(layout.scales, layout.offsets, strict=False)):
        offset = 0.0 if layout.align_corners else 0.5
        # One rounding, as a fused multiply-add has.
        place = (points.astype(np.float64) * float(scale) + offset).astype(np.float32)
        cell = np.floor(place)
        part = place - cell
        if layout.smoothstep:
            part = part * part * (3 - 2 * part)
        total = np.zeros((len(points), layout.features), np.float32)
        for corner in range(1 << layout.dims):
            ahead = np.array([corner >> axis & 1 for axis in range(layout.dims)])
            weight = np.where(ahead, part, 1 - part).prod(1, dtype=np.float32)
            entry = first + layout.entries(level, cell.astype(np.int64) + ahead)
            total += weight[:, None] * table[entry]
        outputs.append(total)
    return np.concatenate(outputs, axis=1)


def check_table(layout: GridLayout, table: np.ndarray) -> None:
    """Refuse a table of another grid.

    Raises:
        UserError: it names both shapes.
    """
    wanted = (layout.offsets[-1], layout.features)
    if table.shape != wanted:
        raise UserError(
            f"a table of {' x '.join(map(str, table.shape))} does not fit a grid of {layout.kind} "
            f"with {layout.n_levels} levels, which has {wanted[0]} x {wanted[1]}: look at "
            "its base resolution, growth and hash table."
        )
