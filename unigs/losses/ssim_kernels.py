"""Numba kernels of SSIM and its gradient; `unigs.losses.ssim` is the door to them.

With the window average <.>, u = <a>, v = <b>, p = <ab> and q = <a^2 + b^2> (the two variances only
ever occur as a sum), each pixel has

    S = n1 n2 / (d1 d2),   n1 = 2uv + C1,   n2 = 2(p - uv) + C2,
                           d1 = u^2 + v^2 + C1,   d2 = q - u^2 - v^2 + C2.

The gradient needs the planes dS/du, dS/dq and dS/dp, averaged with the same (symmetric) window:

    dL/da = <dS/du> + 2a <dS/dq> + b <dS/dp>.

The image is cut into tiles of at most 128 x 128 pixels, each worked through on its own from the
pixels to the gradient, so nothing but the gradient leaves the second-level cache. Rows in the
scratch have a constant distance: the compiler then knows that they do not overlap and emits vector
code. The cut depends on the image alone, so the bits of the result do not depend on the threads.
"""

import math

import numpy as np

from unigs.compute.jit import inlined, kernel

RADIUS = 5
"""Pixels of the window on either side of its center."""
SIGMA = 1.5
"""Standard deviation of the Gaussian window, pixels."""
C1 = 0.01**2
C2 = 0.03**2

TILE = 128
"""Largest side of a tile, pixels."""
_STEP = 160
"""Distance of rows in the scratch: a tile, 5 more on both sides, rounded up, and 10."""
WEIGHTS = [math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA**2)) for i in range(2 * RADIUS + 1)]
WEIGHTS = [w / sum(WEIGHTS) for w in WEIGHTS]
_K0, _K1, _K2, _K3, _K4, _K5 = (np.float32(w) for w in WEIGHTS[: RADIUS + 1])
_F = np.float32
_U = np.uint64


@inlined
def _window(s, o, step):
    """Weighted sum of 11 values `step` apart, the first at s[o]; the window is symmetric."""
    return (
        _K0 * (s[o] + s[o + _U(10 * step)])
        + _K1 * (s[o + _U(step)] + s[o + _U(9 * step)])
        + _K2 * (s[o + _U(2 * step)] + s[o + _U(8 * step)])
        + _K3 * (s[o + _U(3 * step)] + s[o + _U(7 * step)])
        + _K4 * (s[o + _U(4 * step)] + s[o + _U(6 * step)])
        + _K5 * s[o + _U(5 * step)]
    )


@inlined
def _rounded(n):
    """Columns to work on: whole vectors, as a loop's rest costs as much per column as a vector."""
    return (n + 15) // 16 * 16


@kernel
def _load_row(image, base, step, x0, x1, width, row, o):
    """Copy columns x0 .. x1 of one image row to row[o:], zeros outside 0 .. width."""
    first = max(0, -x0)
    last = min(x1, width) - x0
    for i in range(first):
        row[_U(o + i)] = _F(0)
    for i in range(last, x1 - x0):
        row[_U(o + i)] = _F(0)
    start = base + (x0 + first) * step
    if step == 1:  # told apart so that the compiler sees neighbors in memory
        for i in range(last - first):
            row[_U(o + first + i)] = image[_U(start + i)]
    else:
        for i in range(last - first):
            row[_U(o + first + i)] = image[_U(start + i * step)]


@kernel
def _moment_row(row, s, o, n):
    """Horizontal averages of a, b, a^2 + b^2, ab at s[o + quantity * _STEP + column], n columns.

    The row holds the n + 10 pixels of a at 0 and of b at _STEP.
    """
    for i in range(_rounded(n + 2 * RADIUS)):
        a = row[_U(i)]
        b = row[_U(i + _STEP)]
        row[_U(i + 2 * _STEP)] = a * a + b * b
        row[_U(i + 3 * _STEP)] = a * b
    for j in range(4):
        source = _U(j * _STEP)
        target = o + _U(j * _STEP)
        for i in range(_rounded(n)):
            s[target + _U(i)] = _window(row, source + _U(i), 1)


@kernel
def _ssim_row(s, o, n, row):
    """SSIM and dS/du, dS/dq, dS/dp from eleven rows of averages, the first at s[o].

    They go to row[j * _STEP + 5 + column]; the five places around the n columns are set to zero.
    """
    c1 = _F(C1)
    c2 = _F(C2)
    two = _F(2)
    for i in range(_rounded(n)):
        k = o + _U(i)
        u = _window(s, k, 4 * _STEP)
        v = _window(s, k + _U(_STEP), 4 * _STEP)
        q = _window(s, k + _U(2 * _STEP), 4 * _STEP)
        p = _window(s, k + _U(3 * _STEP), 4 * _STEP)
        uv = u * v
        squares = u * u + v * v
        n1 = two * uv + c1
        n2 = two * (p - uv) + c2
        d1 = squares + c1
        d2 = q - squares + c2
        inverse = _F(1) / (d1 * d2)
        value = n1 * n2 * inverse
        dq = -value * inverse * d1
        dp = two * n1 * inverse
        row[_U(RADIUS + i)] = value
        row[_U(RADIUS + i + _STEP)] = (
            two * v * n2 * inverse - two * u * value * inverse * d2 - two * u * dq - v * dp
        )
        row[_U(RADIUS + i + 2 * _STEP)] = dq
        row[_U(RADIUS + i + 3 * _STEP)] = dp
    for j in range(4):
        for i in range(RADIUS):
            row[_U(j * _STEP + i)] = _F(0)
            row[_U(j * _STEP + RADIUS + n + i)] = _F(0)


@kernel
def _gradient_row(s, o, n, row, scale, out, at, step):
    """One row of dL/da from eleven rows of averaged derivatives; a and b are in the row."""
    for i in range(_rounded(n)):
        k = o + _U(i)
        du = _window(s, k, 4 * _STEP)
        dq = _window(s, k + _U(_STEP), 4 * _STEP)
        dp = _window(s, k + _U(2 * _STEP), 4 * _STEP)
        a = row[_U(i)]
        b = row[_U(i + _STEP)]
        row[_U(i + 2 * _STEP)] = scale * (du + (a + a) * dq + b * dp)
    if step == 1:
        for i in range(n):
            out[_U(at + i)] = row[_U(i + 2 * _STEP)]
    else:
        for i in range(n):
            out[_U(at + i * step)] = row[_U(i + 2 * _STEP)]


@kernel
def _tile(a, b, aat, bat, astep, bstep, box, height, width, want, out, oat, ostep, scale, row, s):
    """Sum of SSIM over one tile of one channel; with `want` its gradient goes to `out`.

    a, b and out are the memory of the images, aat, bat and oat the first element of this channel,
    astep, bstep and ostep the strides; box is x0, x1, y0, y1. Scratch: `row` holds 4 rows, `s`
    (y1 - y0 + 20) x 4: averages of the pixels, then in the same place those of the derivatives.
    """
    x0, x1, y0, y1 = box
    halo = RADIUS if want else 0  # derivatives are needed around the tile too
    left = max(0, x0 - halo)
    n = min(width, x1 + halo) - left
    top = y0 - halo
    bottom = y1 + halo
    for y in range(top - RADIUS, bottom + RADIUS):
        o = _U((y - top + RADIUS) * 4 * _STEP)
        if y < 0 or y >= height:
            for i in range(4 * _STEP):
                s[o + _U(i)] = _F(0)
            continue
        end = left + n + RADIUS
        _load_row(a, aat + y * astep[1], astep[2], left - RADIUS, end, width, row, 0)
        _load_row(b, bat + y * bstep[1], bstep[2], left - RADIUS, end, width, row, _STEP)
        _moment_row(row, s, o, n)
    total = 0.0
    inner = RADIUS + x0 - left
    for y in range(top, bottom):
        o = _U((y - top) * 4 * _STEP)
        if y < 0 or y >= height:
            for i in range(4 * _STEP):
                s[o + _U(i)] = _F(0)
            continue
        _ssim_row(s, o, n, row)
        if y >= y0 and y < y1:
            part = _F(0)
            for i in range(x1 - x0):
                part += row[_U(inner + i)]
            total += part
        if want:
            for j in range(3):
                source = _U((j + 1) * _STEP + x0 - left)
                for i in range(_rounded(x1 - x0)):  # over the oldest averages: they are used up
                    s[o + _U(j * _STEP + i)] = _window(row, source + _U(i), 1)
    if want:
        for y in range(y0, y1):
            _load_row(a, aat + y * astep[1], astep[2], x0, x1, width, row, 0)
            _load_row(b, bat + y * bstep[1], bstep[2], x0, x1, width, row, _STEP)
            o = _U((y - y0) * 4 * _STEP)
            at = oat + y * ostep[1] + x0 * ostep[2]
            _gradient_row(s, o, x1 - x0, row, scale, out, at, ostep[2])
    return total


@kernel
def ssim_tiles(start, stop, a, b, astep, bstep, shape, grid, want, sums, out, ostep, scale):
    """Tiles start..stop of all channels: their sums of SSIM and, with `want`, the gradient."""
    height = shape[1]
    width = shape[2]
    down = (height + grid[0] - 1) // grid[0]
    across = (width + grid[1] - 1) // grid[1]
    row = np.zeros(4 * _STEP, np.float32)
    s = np.empty((down + 4 * RADIUS) * 4 * _STEP, np.float32)
    for task in range(start, stop):
        c = task // (grid[0] * grid[1])
        y0 = task // grid[1] % grid[0] * down
        x0 = task % grid[1] * across
        box = (x0, min(width, x0 + across), y0, min(height, y0 + down))
        aat = c * astep[0]
        bat = c * bstep[0]
        oat = c * ostep[0]
        sums[task] = _tile(
            a, b, aat, bat, astep, bstep, box, height, width, want, out, oat, ostep, scale, row, s
        )
