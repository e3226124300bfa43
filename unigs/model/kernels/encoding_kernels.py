"""Numba kernels of the tri-plane encoding; `unigs.model.kernels.encoding` is the door to them.

The kernels walk over blocks of 64 points: the cells and weights of a block are computed in vector
code, then the table is read (or its gradient added to) point by point. The table gradient is split
between threads by (plane, level), whose tables are disjoint: no races, and the order of additions,
hence every bit of the result, does not depend on the number of threads.

Arguments that all kernels share:
    points: [3,N] float32, one row per axis.
    tables: [3,E,F] float32, or the gradient of it.
    feature: a tuple of F zeros. Its length is a constant to the compiler, which then unrolls the
        loops over features; the values are not used.
    resolutions: [L] int64, cells along a side (`unigs.model.kernels.levels.LevelTable`).
    sizes: [L] int64, entries of the levels.
    offsets: [L] int64, first entries of the levels.
    fade: factors [N] of the points' features, or [0] for none. A block whose factors are all zero
        is passed over.

Cells and weights are not cached between calls: the time goes into the tables (docs/log.md).
"""

import numpy as np

from unigs.compute.jit import inlined, kernel

BLOCK = 64
"""Points whose cells and weights are computed together."""
PRIME = 2654435761
"""Factor of the second axis in Instant-NGP's hash (Mueller et al. 2022); the first axis has 1."""
_F = np.float32
_U = np.uint64
_I = np.int64


@inlined
def _axes(plane):
    """The two coordinates of a plane: XY, YZ, XZ."""
    return (1 if plane == 1 else 0), (1 if plane == 0 else 2)


@kernel
def _locate(points, n0, n, axis, resolution, cell, fraction):
    """Cell number and position in the cell along one axis for points n0 .. n0+n."""
    r = _F(resolution)
    for i in range(n):
        x = points[axis, _U(n0 + i)]
        x = x if x > _F(0) else _F(0)  # also takes a NaN to 0, so the index stays in the table
        x = (x if x < _F(1) else _F(1)) * r
        c = min(np.int32(x), np.int32(resolution - 1))
        cell[_U(i)] = c
        fraction[_U(i)] = x - _F(c)


@kernel
def _find(points, n0, n, plane, resolution, size, offset, cell, fraction, corner):
    """Cells of n points on one level of a plane.

    Writes fraction[2,n], the position in the cell along both axes, and corner[4,n], the entries of
    the vertices x0y0, x1y0, x0y1, x1y1; cell[2,n] is scratch.
    """
    first, second = _axes(plane)
    _locate(points, n0, n, first, resolution, cell[0], fraction[0])
    _locate(points, n0, n, second, resolution, cell[1], fraction[1])
    if (resolution + 1) * (resolution + 1) <= size:
        for i in range(n):
            entry = offset + _I(cell[0, _U(i)]) + _I(cell[1, _U(i)]) * (resolution + 1)
            corner[0, _U(i)] = entry
            corner[1, _U(i)] = entry + 1
            corner[2, _U(i)] = entry + resolution + 1
            corner[3, _U(i)] = entry + resolution + 2
    else:
        for i in range(n):
            x = _I(cell[0, _U(i)])
            y0 = _I(cell[1, _U(i)]) * PRIME
            y1 = y0 + PRIME
            corner[0, _U(i)] = offset + ((x ^ y0) & (size - 1))
            corner[1, _U(i)] = offset + (((x + 1) ^ y0) & (size - 1))
            corner[2, _U(i)] = offset + ((x ^ y1) & (size - 1))
            corner[3, _U(i)] = offset + (((x + 1) ^ y1) & (size - 1))


@inlined
def _vertices(corner, i):
    """The four entries of point i, unsigned: numba then skips the test for negative indices."""
    return _U(corner[0, i]), _U(corner[1, i]), _U(corner[2, i]), _U(corner[3, i])


@inlined
def _bilinear(fraction, i):
    """Weights of the four vertices of point i."""
    fx = fraction[0, i]
    fy = fraction[1, i]
    w11 = fx * fy
    return _F(1) - fx - (fy - w11), fx - w11, fy - w11, w11


@inlined
def _reached(fade, n0, n):
    """Whether any of the points n0 .. n0+n has features."""
    if len(fade) == 0:
        return True
    found = 0
    for i in range(n):
        found += 0 if fade[_U(n0 + i)] == _F(0) else 1
    return found > 0


@kernel
def encode_blocks(start, stop, points, tables, feature, resolutions, sizes, offsets, fade, out):
    """Write the encoding out[3*L*F,N] of the points of blocks start..stop."""
    n_levels = len(resolutions)
    total = points.shape[1]
    cell = np.empty((2, BLOCK), np.int32)
    fraction = np.empty((2, BLOCK), np.float32)
    corner = np.empty((4, BLOCK), np.int64)
    for block in range(start, stop):
        n0 = block * BLOCK
        n = min(BLOCK, total - n0)
        if not _reached(fade, n0, n):
            out[:, n0 : n0 + n] = _F(0)
            continue
        for task in range(3 * n_levels):
            plane = task // n_levels
            level = task % n_levels
            size = sizes[level]
            r = resolutions[level]
            _find(points, n0, n, plane, r, size, offsets[level], cell, fraction, corner)
            table = tables[plane]
            column = task * len(feature)
            for i in range(n):
                e00, e10, e01, e11 = _vertices(corner, _U(i))
                w00, w10, w01, w11 = _bilinear(fraction, _U(i))
                share = _F(1)
                if len(fade) > 0:
                    share = fade[_U(n0 + i)]
                for f in range(len(feature)):
                    out[_U(column + f), _U(n0 + i)] = share * (
                        table[e00, f] * w00
                        + table[e10, f] * w10
                        + table[e01, f] * w01
                        + table[e11, f] * w11
                    )


@kernel
def table_gradient(
    start, stop, points, grad, feature, resolutions, sizes, offsets, fade, table_grads
):
    """Add grad[3*L*F,N] of all points to the tables of tasks start..stop, plane * L + level."""
    n_levels = len(resolutions)
    total = points.shape[1]
    cell = np.empty((2, BLOCK), np.int32)
    fraction = np.empty((2, BLOCK), np.float32)
    corner = np.empty((4, BLOCK), np.int64)
    # blocks outside, tasks inside: the block's points are read from the cache
    for n0 in range(0, total, BLOCK):
        n = min(BLOCK, total - n0)
        if not _reached(fade, n0, n):
            continue
        for task in range(start, stop):
            plane = task // n_levels
            level = task % n_levels
            size = sizes[level]
            r = resolutions[level]
            _find(points, n0, n, plane, r, size, offsets[level], cell, fraction, corner)
            table = table_grads[plane]
            column = task * len(feature)
            for i in range(n):
                e00, e10, e01, e11 = _vertices(corner, _U(i))
                w00, w10, w01, w11 = _bilinear(fraction, _U(i))
                share = _F(1)
                if len(fade) > 0:
                    share = fade[_U(n0 + i)]
                for f in range(len(feature)):
                    g = share * grad[_U(column + f), _U(n0 + i)]
                    table[e00, f] += g * w00
                    table[e10, f] += g * w10
                    table[e01, f] += g * w01
                    table[e11, f] += g * w11


@kernel
def point_gradient(
    start, stop, points, tables, grad, feature, resolutions, sizes, offsets, point_grads
):
    """Write point_grads[N,3] of the points of blocks start..stop; zero along a clamped axis."""
    n_levels = len(resolutions)
    total = points.shape[1]
    cell = np.empty((2, BLOCK), np.int32)
    fraction = np.empty((2, BLOCK), np.float32)
    corner = np.empty((4, BLOCK), np.int64)
    sums = np.empty((3, BLOCK), np.float32)
    for block in range(start, stop):
        n0 = block * BLOCK
        n = min(BLOCK, total - n0)
        sums[:] = _F(0)
        for task in range(3 * n_levels):
            plane = task // n_levels
            level = task % n_levels
            first, second = _axes(plane)
            size = sizes[level]
            r = resolutions[level]
            _find(points, n0, n, plane, r, size, offsets[level], cell, fraction, corner)
            table = tables[plane]
            column = task * len(feature)
            for i in range(n):
                e00, e10, e01, e11 = _vertices(corner, _U(i))
                gx = _F(0)
                gy = _F(0)
                for f in range(len(feature)):
                    g = grad[_U(column + f), _U(n0 + i)]
                    low = table[e10, f] - table[e00, f]
                    high = table[e11, f] - table[e01, f]
                    left = table[e01, f] - table[e00, f]
                    gx += g * (low + fraction[1, _U(i)] * (high - low))
                    gy += g * (left + fraction[0, _U(i)] * (high - low))
                sums[first, _U(i)] += gx * _F(r)
                sums[second, _U(i)] += gy * _F(r)
        for axis in range(3):
            for i in range(n):
                x = points[axis, _U(n0 + i)]
                inside = x >= _F(0) and x <= _F(1)
                point_grads[_U(n0 + i), axis] = sums[axis, _U(i)] if inside else _F(0)
