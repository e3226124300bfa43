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

import numpy as np
import torch
from torch import Tensor

from unigs.compute.threads import parallel_for
from unigs.model.kernels.encoding_kernels import (
    BLOCK,
    encode_blocks,
    point_gradient,
    table_gradient,
)
from unigs.model.kernels.encoding_tcnn import available as has_tcnn
from unigs.model.kernels.encoding_tcnn import encode_tcnn
from unigs.model.kernels.encoding_torch import encode_torch
from unigs.model.kernels.levels import LevelTable, check

_BLOCKS_PER_THREAD = 8
"""Fewer blocks of points are not worth handing to another thread."""


class Encode(torch.autograd.Function):
    """Tri-plane encoding; gradients to the points and to the tables, each only when asked for."""

    @staticmethod
    def forward(ctx, points: Tensor, tables: Tensor, table: LevelTable, fade: Tensor) -> Tensor:
        rows = np.ascontiguousarray(points.detach().numpy().T)
        data = tables.detach().contiguous().numpy()
        n, width = len(points), tables.shape[2]
        out = np.empty((3 * table.n_levels * width, n), np.float32)
        levels_ = ((0,) * width, table.resolutions, table.sizes, table.offsets)
        blocks, shares = -(-n // BLOCK), fade.detach().contiguous().numpy()
        arrays = (rows, data, *levels_, shares, out)
        parallel_for(encode_blocks, blocks, *arrays, min_chunk=_BLOCKS_PER_THREAD)
        ctx.held = (rows, levels_, blocks, shares)
        ctx.save_for_backward(tables)  # so that torch notices a table changed in between
        return torch.from_numpy(out).T

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        rows, levels_, blocks, shares = ctx.held
        data = ctx.saved_tensors[0].detach().contiguous().numpy()
        g = grad.T.contiguous().numpy()
        to_points = to_tables = None
        if ctx.needs_input_grad[1]:
            to_tables = torch.zeros(data.shape)
            tasks = 3 * len(levels_[1])
            arrays = (rows, g, *levels_, shares, to_tables.numpy())
            parallel_for(table_gradient, tasks, *arrays, min_chunk=1)
        if ctx.needs_input_grad[0]:
            to_points = torch.empty(rows.shape[1], 3)
            arrays = (rows, data, g, *levels_, to_points.numpy())
            parallel_for(point_gradient, blocks, *arrays, min_chunk=_BLOCKS_PER_THREAD)
        return to_points, to_tables, None, None


def encode(points: Tensor, tables: Tensor, table: LevelTable, fade: Tensor | None = None) -> Tensor:
    """Encode points on the three planes; differentiable in points and tables.

    Args:
        points: [N,3] in [0,1] (clamped).
        tables: [3,E,F], the XY, YZ and XZ planes; E = table.entries, F = 1, 2 or 4.
        table: from `levels`.
        fade: factor of each point's features [N], a constant; None: 1. With it points get no
            gradient. Blocks of 64 points whose factors are zero cost nothing on a CPU.

    Returns:
        [N, 3*L*F], ordered by plane, level, feature. On a CPU feature after feature lies in memory:
        `deform` reads it so, without a copy.

    Raises:
        ValueError: shapes or types that do not fit, or points that ask for a gradient with fade.
    """
    check(points, tables, table)
    if fade is not None and (fade.shape != points.shape[:1] or points.requires_grad):
        raise ValueError(f"fade must be [{len(points)}], and points a constant with it")
    if points.device.type != "cpu":
        if has_tcnn():
            encoded = encode_tcnn(points, tables, table)
            return encoded if fade is None else encoded * fade[:, None]
        return encode_torch(points, tables, table, fade)
    if points.dtype != torch.float32 or tables.dtype != torch.float32:
        raise ValueError(f"encode takes float32 on the CPU, got {points.dtype}, {tables.dtype}")
    return Encode.apply(points, tables, table, points.new_empty(0) if fade is None else fade)
