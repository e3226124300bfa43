"""Multi-resolution tri-plane encoding of points (paper eqs. 4-5).

Three two-dimensional grids hold learned features for the projections of a point on the XY, YZ and
XZ planes. Each has L levels whose resolutions grow geometrically; a level whose vertices fit in its
table is stored densely, a finer one is hashed into it as in Instant-NGP (Mueller et al. 2022).

Conventions:
    - a level of resolution r has r x r cells and (r + 1)^2 vertices; coordinate 0 is the first
      vertex, coordinate 1 the last; values in between are bilinear;
    - points outside [0,1] are clamped, and get no gradient along the clamped axis;
    - the encoding of a point is ordered by plane, then level, then feature.

Gradients go to the tables and, if they ask for it, to the points. Results do not depend on the
number of threads, to the bit.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unigs.compute.threads import parallel_for
from unigs.model.kernels.encoding_kernels import (
    BLOCK,
    PRIME,
    encode_blocks,
    point_gradient,
    table_gradient,
)
from unigs.model.kernels.encoding_tcnn import available as has_tcnn
from unigs.model.kernels.encoding_tcnn import encode_tcnn

PLANES = ((0, 1), (1, 2), (0, 2))
FEATURES = (1, 2, 4)
_BLOCKS_PER_THREAD = 8  # fewer are not worth handing to another thread


@dataclass(frozen=True, eq=False)
class LevelTable:
    """Where the levels of one plane lie in its table.

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
        n_levels: L.
        base: cells along a side of the coarsest level.
        finest: cells along a side of the finest level (of the only level: base).
        log2_entries: a level with more than 2^log2_entries vertices is hashed.
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


class _Encode(torch.autograd.Function):
    """Tri-plane encoding; gradients to the points and to the tables, each only when asked for."""

    @staticmethod
    def forward(ctx, points: Tensor, tables: Tensor, table: LevelTable) -> Tensor:
        rows = np.ascontiguousarray(points.detach().numpy().T)
        data = tables.detach().contiguous().numpy()
        n, width = len(points), tables.shape[2]
        out = np.empty((3 * table.n_levels * width, n), np.float32)
        levels_ = ((0,) * width, table.resolutions, table.sizes, table.offsets)
        blocks = -(-n // BLOCK)
        parallel_for(encode_blocks, blocks, rows, data, *levels_, out, min_chunk=_BLOCKS_PER_THREAD)
        ctx.held = (rows, levels_, blocks)
        ctx.save_for_backward(tables)  # so that torch notices a table changed in between
        return torch.from_numpy(out).T

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        rows, levels_, blocks = ctx.held
        data = ctx.saved_tensors[0].detach().contiguous().numpy()
        g = grad.T.contiguous().numpy()
        to_points = to_tables = None
        if ctx.needs_input_grad[1]:
            to_tables = torch.zeros(data.shape)
            tasks = 3 * len(levels_[1])
            parallel_for(table_gradient, tasks, rows, g, *levels_, to_tables.numpy(), min_chunk=1)
        if ctx.needs_input_grad[0]:
            to_points = torch.empty(rows.shape[1], 3)
            arrays = (rows, data, g, *levels_, to_points.numpy())
            parallel_for(point_gradient, blocks, *arrays, min_chunk=_BLOCKS_PER_THREAD)
        return to_points, to_tables, None


def _check(points: Tensor, tables: Tensor, table: LevelTable) -> None:
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"points must be [N,3], got {tuple(points.shape)}")
    if tables.ndim != 3 or tables.shape[:2] != (3, table.entries):
        raise ValueError(
            f"tables must be [3,{table.entries},F] for these levels, got {tuple(tables.shape)}"
        )
    if tables.shape[2] not in FEATURES:
        raise ValueError(f"F must be one of {FEATURES}, got {tables.shape[2]}")


def encode(points: Tensor, tables: Tensor, table: LevelTable) -> Tensor:
    """Encode points on the three planes; differentiable in points and tables.

    Args:
        points: [N,3] in [0,1] (clamped).
        tables: [3,E,F], the XY, YZ and XZ planes; E = table.entries, F = 1, 2 or 4.
        table: from `levels`.

    Returns:
        [N, 3*L*F], ordered by plane, level, feature. On a CPU feature after feature lies in memory:
        `deform` reads it so, without a copy.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    _check(points, tables, table)
    if points.device.type != "cpu":
        if has_tcnn():
            return encode_tcnn(points, tables, table, encode_torch)
        return encode_torch(points, tables, table)
    if points.dtype != torch.float32 or tables.dtype != torch.float32:
        raise ValueError(f"encode takes float32 on the CPU, got {points.dtype}, {tables.dtype}")
    return _Encode.apply(points, tables, table)


@functools.lru_cache(maxsize=16)
def _on_device(table: LevelTable, device: torch.device) -> tuple[Tensor, ...]:
    """Resolutions, sizes, offsets and hashed levels as tensors, copied there once."""
    arrays = table.resolutions, table.sizes, table.offsets, table.hashed
    return tuple(torch.from_numpy(x).to(device) for x in arrays)


def encode_torch(points: Tensor, tables: Tensor, table: LevelTable) -> Tensor:
    """The same function in plain torch: any device and float type.

    Args:
        points: [N,3].
        tables: [3,E,F].
        table: from `levels`.
    """
    _check(points, tables, table)
    device = points.device
    r, size, offset, hashed = _on_device(table, device)
    hashed = hashed[:, None, None]
    encoded = []
    for plane, axes in enumerate(PLANES):
        x = points[:, list(axes)].clamp(0, 1)[:, None, :] * r[None, :, None]  # [N,L,2]
        cell = torch.minimum(x.detach().floor().long(), (r - 1)[None, :, None])
        w = x - cell
        corner = cell[..., None] + torch.arange(2, device=device)  # [N,L,axis,2]
        cx, cy = corner[:, :, 0, None, :], corner[:, :, 1, :, None]  # corners as [y,x]
        dense_entry = cx + cy * (r + 1)[:, None, None]
        hash_entry = (cx ^ (cy * PRIME)) & (size - 1)[:, None, None]
        entry = torch.where(hashed, hash_entry, dense_entry) + offset[:, None, None]
        weight = torch.stack([1 - w, w], -1)  # [N,L,axis,2]
        weight = weight[:, :, 0, None, :] * weight[:, :, 1, :, None]
        # index_select, not [entry]: on a GPU the gradient of the latter sorts all entries first
        found = tables[plane].index_select(0, entry.flatten()).unflatten(0, entry.shape)
        encoded.append((found * weight[..., None]).sum((2, 3)).flatten(1))  # [N,L,2,2,F]
    return torch.cat(encoded, 1)
