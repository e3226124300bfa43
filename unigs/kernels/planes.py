"""Multi-resolution tri-plane encoding of points (paper eqs. 4-5).

Three two-dimensional grids hold learned features for the projections of a point on the XY, YZ and
XZ planes. Each has L levels whose resolutions grow geometrically; a level whose vertices fit in its
table is stored densely, a finer one is hashed into it as in Instant-NGP (Mueller et al. 2022).

Conventions:
    - a level of resolution r has r x r cells and (r + 1)^2 vertices; coordinate 0 is the first
      vertex, coordinate 1 the last; values in between are bilinear;
    - points outside [0,1] are clamped, and get no gradient along the clamped axis;
    - the encoding of a point is ordered by plane, then level, then feature.

The three kernels walk over blocks of 64 points: cells and weights of a block are computed in vector
code, then the table is read (or its gradient added to) point by point. The table gradient is split
between threads by (plane, level), whose tables are disjoint: no races, and the order of additions,
hence every bit of the result, does not depend on the number of threads.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numba import njit
from torch import Tensor

from unigs.kernels.options import JIT
from unigs.kernels.threads import parallel_for

PLANES = ((0, 1), (1, 2), (0, 2))
FEATURES = (1, 2, 4)
_PRIME = 2654435761
_BLOCK = 64
_F = np.float32
_U = np.uint64
_I = np.int64


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
    return LevelTable(np.array(resolutions, _I), np.array(sizes, _I), offsets.astype(_I))


@njit(inline="always")
def _axes(plane):
    """The two coordinates of a plane: (0, 1), (1, 2), (0, 2)."""
    return (1 if plane == 1 else 0), (1 if plane == 0 else 2)


@njit(**JIT)
def _locate(points, n0, n, axis, resolution, cell, weight):
    """Cell number and position in the cell along one axis for points n0 .. n0+n."""
    r = _F(resolution)
    for i in range(n):
        x = points[axis, _U(n0 + i)]
        x = x if x > _F(0) else _F(0)
        x = (x if x < _F(1) else _F(1)) * r
        c = min(np.int32(x), np.int32(resolution - 1))
        cell[_U(i)] = c
        weight[_U(i)] = x - _F(c)


@njit(**JIT)
def _corners(n, resolution, size, offset, cx, cy, corner):
    """Table entries of the four corners (x0y0, x1y0, x0y1, x1y1) of n cells: corner[4, n]."""
    if (resolution + 1) * (resolution + 1) <= size:
        for i in range(n):
            first = offset + _I(cx[_U(i)]) + _I(cy[_U(i)]) * (resolution + 1)
            corner[0, _U(i)] = first
            corner[1, _U(i)] = first + 1
            corner[2, _U(i)] = first + resolution + 1
            corner[3, _U(i)] = first + resolution + 2
    else:
        for i in range(n):
            x = _I(cx[_U(i)])
            y0 = _I(cy[_U(i)]) * _PRIME
            y1 = y0 + _PRIME
            corner[0, _U(i)] = offset + ((x ^ y0) & (size - 1))
            corner[1, _U(i)] = offset + (((x + 1) ^ y0) & (size - 1))
            corner[2, _U(i)] = offset + ((x ^ y1) & (size - 1))
            corner[3, _U(i)] = offset + (((x + 1) ^ y1) & (size - 1))


@njit(**JIT)
def _encode_kernel(start, stop, points, tables, feature, resolutions, sizes, offsets, out):
    """Encode the points of blocks start..stop. `feature` is a tuple of F zeros: its length is a
    constant to the compiler, which then unrolls the loops over features.
    """
    n_levels = len(resolutions)
    total = points.shape[1]
    cells = np.empty((2, _BLOCK), np.int32)
    weights = np.empty((2, _BLOCK), np.float32)
    corner = np.empty((4, _BLOCK), np.int64)
    for block in range(start, stop):
        n0 = block * _BLOCK
        n = min(_BLOCK, total - n0)
        for plane in range(3):
            first, second = _axes(plane)
            table = tables[plane]
            for level in range(n_levels):
                r = resolutions[level]
                _locate(points, n0, n, first, r, cells[0], weights[0])
                _locate(points, n0, n, second, r, cells[1], weights[1])
                _corners(n, r, sizes[level], offsets[level], cells[0], cells[1], corner)
                column = (plane * n_levels + level) * len(feature)
                for i in range(n):
                    fx = weights[0, _U(i)]
                    fy = weights[1, _U(i)]
                    e00 = _U(corner[0, _U(i)])
                    e10 = _U(corner[1, _U(i)])
                    e01 = _U(corner[2, _U(i)])
                    e11 = _U(corner[3, _U(i)])
                    w11 = fx * fy
                    w10 = fx - w11
                    w01 = fy - w11
                    w00 = _F(1) - fx - w01
                    for f in range(len(feature)):
                        out[_U(n0 + i), _U(column + f)] = (
                            table[e00, f] * w00
                            + table[e10, f] * w10
                            + table[e01, f] * w01
                            + table[e11, f] * w11
                        )


@njit(**JIT)
def _table_gradient_kernel(
    start, stop, points, grad, feature, resolutions, sizes, offsets, table_grads
):
    """Add the gradients of all points to the tables of tasks start..stop = (plane, level)."""
    n_levels = len(resolutions)
    total = points.shape[1]
    cells = np.empty((2, _BLOCK), np.int32)
    weights = np.empty((2, _BLOCK), np.float32)
    corner = np.empty((4, _BLOCK), np.int64)
    for n0 in range(0, total, _BLOCK):
        n = min(_BLOCK, total - n0)
        for task in range(start, stop):
            plane = task // n_levels
            level = task % n_levels
            first, second = _axes(plane)
            table = table_grads[plane]
            r = resolutions[level]
            _locate(points, n0, n, first, r, cells[0], weights[0])
            _locate(points, n0, n, second, r, cells[1], weights[1])
            _corners(n, r, sizes[level], offsets[level], cells[0], cells[1], corner)
            column = task * len(feature)
            for i in range(n):
                fx = weights[0, _U(i)]
                fy = weights[1, _U(i)]
                e00 = _U(corner[0, _U(i)])
                e10 = _U(corner[1, _U(i)])
                e01 = _U(corner[2, _U(i)])
                e11 = _U(corner[3, _U(i)])
                w11 = fx * fy
                w10 = fx - w11
                w01 = fy - w11
                w00 = _F(1) - fx - w01
                for f in range(len(feature)):
                    g = grad[_U(n0 + i), _U(column + f)]
                    table[e00, f] += g * w00
                    table[e10, f] += g * w10
                    table[e01, f] += g * w01
                    table[e11, f] += g * w11


@njit(**JIT)
def _point_gradient_kernel(
    start, stop, points, tables, grad, feature, resolutions, sizes, offsets, point_grads
):
    """Gradient of the points of blocks start..stop; zero along a clamped axis."""
    n_levels = len(resolutions)
    total = points.shape[1]
    cells = np.empty((2, _BLOCK), np.int32)
    weights = np.empty((2, _BLOCK), np.float32)
    corner = np.empty((4, _BLOCK), np.int64)
    sums = np.empty((3, _BLOCK), np.float32)
    for block in range(start, stop):
        n0 = block * _BLOCK
        n = min(_BLOCK, total - n0)
        sums[:] = _F(0)
        for plane in range(3):
            first, second = _axes(plane)
            table = tables[plane]
            for level in range(n_levels):
                r = resolutions[level]
                _locate(points, n0, n, first, r, cells[0], weights[0])
                _locate(points, n0, n, second, r, cells[1], weights[1])
                _corners(n, r, sizes[level], offsets[level], cells[0], cells[1], corner)
                column = (plane * n_levels + level) * len(feature)
                for i in range(n):
                    fx = weights[0, _U(i)]
                    fy = weights[1, _U(i)]
                    e00 = _U(corner[0, _U(i)])
                    e10 = _U(corner[1, _U(i)])
                    e01 = _U(corner[2, _U(i)])
                    e11 = _U(corner[3, _U(i)])
                    gx = _F(0)
                    gy = _F(0)
                    for f in range(len(feature)):
                        g = grad[_U(n0 + i), _U(column + f)]
                        d0 = table[e10, f] - table[e00, f]
                        d1 = table[e11, f] - table[e01, f]
                        gx += g * (d0 + fy * (d1 - d0))
                        gy += g * (table[e01, f] - table[e00, f] + fx * (d1 - d0))
                    sums[first, _U(i)] += gx * _F(r)
                    sums[second, _U(i)] += gy * _F(r)
        for axis in range(3):
            for i in range(n):
                x = points[axis, _U(n0 + i)]
                inside = x >= _F(0) and x <= _F(1)
                point_grads[_U(n0 + i), axis] = sums[axis, _U(i)] if inside else _F(0)


class _Encode(torch.autograd.Function):
    """Tri-plane encoding; gradients to the points and to the tables, each only when asked for."""

    @staticmethod
    def forward(ctx, points: Tensor, tables: Tensor, table: LevelTable) -> Tensor:
        rows = np.ascontiguousarray(points.detach().numpy().T)
        data = tables.detach().contiguous().numpy()
        n, width = len(points), tables.shape[2]
        out = np.empty((n, 3 * table.n_levels * width), np.float32)
        common = ((0,) * width, table.resolutions, table.sizes, table.offsets)
        parallel_for(_encode_kernel, -(-n // _BLOCK), rows, data, *common, out, min_chunk=8)
        ctx.held = (rows, data, common)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        rows, data, common = ctx.held
        g = grad.contiguous().numpy()
        n = rows.shape[1]
        point_grads = table_grads = None
        if ctx.needs_input_grad[1]:
            table_grads = np.zeros_like(data)
            tasks = 3 * len(common[1])
            parallel_for(
                _table_gradient_kernel, tasks, rows, g, *common, table_grads, min_chunk=1
            )
            table_grads = torch.from_numpy(table_grads)
        if ctx.needs_input_grad[0]:
            point_grads = np.empty((n, 3), np.float32)
            blocks = -(-n // _BLOCK)
            parallel_for(
                _point_gradient_kernel, blocks, rows, data, g, *common, point_grads, min_chunk=8
            )
            point_grads = torch.from_numpy(point_grads)
        return point_grads, table_grads, None


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
        [N, 3*L*F], ordered by plane, level, feature.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    _check(points, tables, table)
    if points.device.type != "cpu":
        return encode_torch(points, tables, table)
    if points.dtype != torch.float32 or tables.dtype != torch.float32:
        raise ValueError(f"encode takes float32 on the CPU, got {points.dtype}, {tables.dtype}")
    return _Encode.apply(points, tables, table)


def encode_torch(points: Tensor, tables: Tensor, table: LevelTable) -> Tensor:
    """The same function in plain torch: any device and float type.

    Args:
        points: [N,3].
        tables: [3,E,F].
        table: from `levels`.
    """
    _check(points, tables, table)
    device = points.device
    r = torch.from_numpy(table.resolutions).to(device)
    size = torch.from_numpy(table.sizes).to(device)
    offset = torch.from_numpy(table.offsets).to(device)
    hashed = torch.from_numpy(table.hashed).to(device)[:, None, None]
    encoded = []
    for plane, axes in enumerate(PLANES):
        x = points[:, list(axes)].clamp(0, 1)[:, None, :] * r[None, :, None]  # [N,L,2]
        cell = torch.minimum(x.detach().floor().long(), (r - 1)[None, :, None])
        w = x - cell
        corner = cell[..., None] + torch.arange(2, device=device)  # [N,L,axis,2]
        cx, cy = corner[:, :, 0, None, :], corner[:, :, 1, :, None]  # corners as [y,x]
        dense_entry = cx + cy * (r + 1)[:, None, None]
        hash_entry = (cx ^ (cy * _PRIME)) & (size - 1)[:, None, None]
        entry = torch.where(hashed, hash_entry, dense_entry) + offset[:, None, None]
        weight = torch.stack([1 - w, w], -1)  # [N,L,axis,2]
        weight = weight[:, :, 0, None, :] * weight[:, :, 1, :, None]
        values = tables[plane][entry] * weight[..., None]  # [N,L,2,2,F]
        encoded.append(values.sum((2, 3)).flatten(1))
    return torch.cat(encoded, 1)
