"""Compiled front-to-back blending of sorted Gaussians in image tiles, and its exact gradient.

The function is gsplat 1.5.3's (``csrc/RasterizeToPixels3DGSFwd.cu``): at the pixel center
alpha = min(0.999, o exp(-sigma)), skipped where sigma < 0 or o exp(-sigma) < 1/255, and a pixel
stops before the Gaussian that would bring its transmittance to 1e-4. For o <= 1 this does not
depend on tiles, so tiles here are as wide as suits a CPU and only the exact ellipse of a Gaussian
is visited. ``alpha >= 1/255`` is tested as ``sigma <= ln(255 o)``.

Vectorization: a tile lies in memory in blocks of 4 x 4 pixels, each plane of a block in a cache
line of its own, and ``_blend_lanes`` and ``_gradient_lanes`` work on the sixteen pixels of a block:
one vector of AVX-512, two of AVX2. Compilers turn them into straight vector code because they have
no branch, unsigned indices, float32 constants only, and constant offsets between the planes. Loops
of fewer than sixteen lanes, or with little in them, are unrolled to scalar code instead
(docs/log.md): that is why a tile has eight rows of blocks, with a first and a last block each. A
test reads their assembly. Lanes outside the ellipse compute and discard, possibly infinities.
"""

import numpy as np

from unigs.compute.jit import inlined, kernel, lane_loop
from unigs.render.record_kernels import (
    BLOCK,
    BLOCKS_X,
    BLOCKS_Y,
    TILE_HEIGHT,
    TILE_WIDTH,
    block_rows,
    block_spans,
    center,
    shading,
)  # fmt: skip
from unigs.render.spec import MAX_ALPHA, MIN_TRANSMITTANCE, MOMENTS

F, U = np.float32, np.uint64
LANES = BLOCK * BLOCK
"""Pixels of a block, which are worked on together."""
BLOCKS = BLOCKS_X * BLOCKS_Y
"""Blocks of a tile."""
FORWARD_PLANES, BACKWARD_PLANES = 4, 5
"""Numbers that are kept of a pixel."""
EXIT_CHECK = 64
"""After so many Gaussians a tile is checked for pixels that have not stopped."""

ZERO, HALF, ONE, SIDE = F(0), F(0.5), F(1), F(BLOCK)
P1, P2, P3, P4 = (U(k * LANES) for k in range(1, BACKWARD_PLANES))
S1, S2, S3, S4, S5, S6, S7, S8 = (U(k * LANES) for k in range(1, MOMENTS))
LINE = 16
"""Numbers in a cache line."""
E1, E2, E3 = F(-0.12499997019767761), F(0.007812413387000561), F(-0.0003254314069636166)
E4, E5, E6 = F(1.0127823770744726e-05), F(-2.4260549480459304e-07), F(3.719304420002345e-09)
"""Coefficients of q with exp(-s) = q(s)^8 on [0, ln 255]: the minimax polynomial of degree 6 of
exp(-s / 8); the relative error of the power is below 1.2e-6."""


@inlined
def _exp_negative(s):
    """exp(-s) for s in [0, ln 255]; meaningless elsewhere."""
    q = (((((E6 * s + E5) * s + E4) * s + E3) * s + E2) * s + E1) * s + ONE
    q = q * q
    q = q * q
    return q * q


@lane_loop
def _blend_lanes(tile, at, dx0, dy0, ha, b, hc, sigma_max, opacity, red, green, blue):
    """Blend one Gaussian into a block; planes: transmittance (negative: stopped), R, G, B."""
    for lane in range(LANES):
        p = U(lane) + at
        dx, dy = dx0 - F(lane % BLOCK), dy0 - F(lane // BLOCK)
        sigma = dx * (ha * dx + b * dy) + hc * dy * dy
        alpha = min(opacity * _exp_negative(sigma), MAX_ALPHA)
        alpha = alpha if (sigma <= sigma_max) & (sigma >= ZERO) else ZERO
        before = tile[p]
        after = before - before * alpha
        live = after > MIN_TRANSMITTANCE
        weight = alpha * before if live else ZERO
        tile[p] = after if live else -abs(before)
        tile[p + P1] += weight * red
        tile[p + P2] += weight * green
        tile[p + P3] += weight * blue


@lane_loop
def _gradient_lanes(tile, at, sums, dx0, dy0, ha, b, hc, sigma_max, opacity, red, green, blue):
    """Repeat ``_blend_lanes``, and add each lane's moments to its own place in sums.

    Planes: transmittance, the light behind (this and all later Gaussians and the background,
    weighted by the image gradient), and the image gradient's R, G, B. Sums: a row of lanes for each
    of the nine moments, added up once per record: to add up a vector takes as long as to make it.
    """
    for lane in range(LANES):
        p = U(lane) + at
        dx, dy = dx0 - F(lane % BLOCK), dy0 - F(lane // BLOCK)
        sigma = dx * (ha * dx + b * dy) + hc * dy * dy
        inside = (sigma <= sigma_max) & (sigma >= ZERO)
        raw = opacity * _exp_negative(sigma)
        alpha = min(raw, MAX_ALPHA)
        alpha = alpha if inside else ZERO
        before = tile[p]
        after = before - before * alpha
        live = after > MIN_TRANSMITTANCE
        weight = alpha * before if live else ZERO
        tile[p] = after if live else -abs(before)
        grad_r, grad_g, grad_b = tile[p + P2], tile[p + P3], tile[p + P4]
        own = red * grad_r + green * grad_g + blue * grad_b
        behind = tile[p + P1] - weight * own
        tile[p + P1] = behind
        z = raw * (before * own - behind / (ONE - alpha))
        z = z if (inside & live & (raw <= MAX_ALPHA)) else ZERO
        zx, zy = z * dx, z * dy
        q = U(lane)
        sums[q] += z
        sums[q + S1] += zx
        sums[q + S2] += zy
        sums[q + S3] += zx * dx
        sums[q + S4] += zx * dy
        sums[q + S5] += zy * dy
        sums[q + S6] += weight * grad_r
        sums[q + S7] += weight * grad_g
        sums[q + S8] += weight * grad_b


@lane_loop
def _lane_totals(sums):
    """Each moment added up over its lanes."""
    m0, m1, m2, m3, m4, m5, m6, m7, m8 = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    for lane in range(LANES):
        q = U(lane)
        m0 += sums[q]
        m1 += sums[q + S1]
        m2 += sums[q + S2]
        m3 += sums[q + S3]
        m4 += sums[q + S4]
        m5 += sums[q + S5]
        m6 += sums[q + S6]
        m7 += sums[q + S7]
        m8 += sums[q + S8]
    return m0, m1, m2, m3, m4, m5, m6, m7, m8


@inlined
def _lines(size):
    """Float32 numbers that begin with a cache line: a vector that crosses lines costs two."""
    room = np.empty(size + LINE, np.float32)
    first = -(room.ctypes.data // 4) % LINE
    return room[first : first + size]


@inlined
def _place(row, column, planes):
    """Where the first plane of a tile's pixel lies: blocks in rows, a block's planes together."""
    block = (row // BLOCK) * BLOCKS_X + column // BLOCK
    return U((block * planes) * LANES + (row % BLOCK) * BLOCK + column % BLOCK)


@inlined
def _open_tile(tile, planes, t, tiles_x, width, height):
    """Set transmittance to 1 inside the image and -1 (stopped) beyond; return left, top, size."""
    left, top = (t % tiles_x) * TILE_WIDTH, (t // tiles_x) * TILE_HEIGHT
    columns, rows = min(TILE_WIDTH, width - left), min(TILE_HEIGHT, height - top)
    tile[:] = ZERO
    for row in range(TILE_HEIGHT):
        for column in range(TILE_WIDTH):
            shown = (row < rows) & (column < columns)
            tile[_place(row, column, planes)] = ONE if shown else -ONE
    return left, top, columns, rows


@inlined
def _all_stopped(tile, planes):
    """Whether no pixel of a tile is left that later Gaussians change."""
    for block in range(BLOCKS):
        first = U(block * planes * LANES)
        for lane in range(LANES):
            if tile[first + U(lane)] > ZERO:
                return False
    return True


@kernel
def blend(
    start, stop, records, offsets, tiles_x, width, height, background,
    image, alpha, transmittance,
):  # fmt: skip
    """Blend the tiles [start, stop) into image [H,W,3], alpha [H,W,1], transmittance [H,W]."""
    tile = _lines(FORWARD_PLANES * BLOCKS * LANES)
    spans = _lines(2 * BLOCKS_Y)
    for t in range(start, stop):
        left, top, columns, rows = _open_tile(tile, FORWARD_PLANES, t, tiles_x, width, height)
        x_first, y_first = F(left) + HALF, F(top) + HALF
        last_column, last_row = F(columns - 1), F(rows - 1)
        for k in range(offsets[t], offsets[t + 1]):
            check = (k - offsets[t]) % EXIT_CHECK == EXIT_CHECK - 1
            if check and _all_stopped(tile, FORWARD_PLANES):
                break
            g = U(k)
            x, y = center(records, g, x_first, y_first)
            ha, b, hc, sigma_max, opacity, red, green, blue = shading(records, g)
            upper, lower = block_rows(records, g, y, last_row)
            block_spans(spans, records, g, x, y, last_column)
            for v in range(upper, lower + 1):
                first, last = np.int32(spans[U(v)]), np.int32(spans[U(v + BLOCKS_Y)])
                p = U((v * BLOCKS_X + first) * FORWARD_PLANES * LANES)
                dx, dy = x - F(BLOCK * first), y - F(BLOCK * v)
                for _ in range(first, last + 1):
                    _blend_lanes(tile, p, dx, dy, ha, b, hc, sigma_max, opacity, red, green, blue)
                    p += U(FORWARD_PLANES * LANES)
                    dx -= SIDE
        for row in range(rows):
            v = U(top + row)
            for u in range(left, left + columns):
                p = _place(row, u - left, FORWARD_PLANES)
                rest = abs(tile[p])
                transmittance[v, U(u)] = rest
                alpha[v, U(u), 0] = ONE - rest
                image[v, U(u), 0] = tile[p + P1] + rest * background[0]
                image[v, U(u), 1] = tile[p + P2] + rest * background[1]
                image[v, U(u), 2] = tile[p + P3] + rest * background[2]


@inlined
def _load_gradients(tile, left, top, columns, rows, image, transmittance, grad_image, grad_alpha):
    """Fill the planes of ``_gradient_lanes``; return the tile's share of the background's."""
    sum_r, sum_g, sum_b = ZERO, ZERO, ZERO
    for row in range(rows):
        v = U(top + row)
        for k in range(left, left + columns):
            u, p = U(k), _place(row, k - left, BACKWARD_PLANES)
            red, green, blue = grad_image[v, u, 0], grad_image[v, u, 1], grad_image[v, u, 2]
            light = red * image[v, u, 0] + green * image[v, u, 1] + blue * image[v, u, 2]
            rest = transmittance[v, u]
            tile[p + P1] = light - rest * grad_alpha[v, u, 0]
            tile[p + P2], tile[p + P3], tile[p + P4] = red, green, blue
            sum_r, sum_g, sum_b = sum_r + rest * red, sum_g + rest * green, sum_b + rest * blue
    return sum_r, sum_g, sum_b


@kernel
def blend_backward(
    start, stop, records, offsets, tiles_x, width, height, image, transmittance,
    grad_image, grad_alpha, sums, background_sums,
):  # fmt: skip
    """Write each record's nine sums [pairs,9] for the tiles [start, stop).

    ``background_sums`` [tiles,3] receives each tile's share of the background's gradient.

    Tiles are walked front to back like in ``blend``, with ``image`` [H,W,3] and ``transmittance``
    [H,W] as it left them: what lies behind a Gaussian is the image minus what came before.
    """
    tile = _lines(BACKWARD_PLANES * BLOCKS * LANES)
    spans = _lines(2 * BLOCKS_Y)
    lane_sums = _lines(MOMENTS * LANES)
    for t in range(start, stop):
        left, top, columns, rows = _open_tile(tile, BACKWARD_PLANES, t, tiles_x, width, height)
        red, green, blue = _load_gradients(
            tile, left, top, columns, rows, image, transmittance, grad_image, grad_alpha
        )
        background_sums[t, 0], background_sums[t, 1], background_sums[t, 2] = red, green, blue
        x_first, y_first = F(left) + HALF, F(top) + HALF
        last_column, last_row = F(columns - 1), F(rows - 1)
        done = False
        for k in range(offsets[t], offsets[t + 1]):
            if (k - offsets[t]) % EXIT_CHECK == EXIT_CHECK - 1 and not done:
                done = _all_stopped(tile, BACKWARD_PLANES)
            g = U(k)
            if done:
                sums[g] = ZERO
                continue
            x, y = center(records, g, x_first, y_first)
            ha, b, hc, sigma_max, opacity, red, green, blue = shading(records, g)
            upper, lower = block_rows(records, g, y, last_row)
            block_spans(spans, records, g, x, y, last_column)
            lane_sums[:] = ZERO
            for v in range(upper, lower + 1):
                first, last = np.int32(spans[U(v)]), np.int32(spans[U(v + BLOCKS_Y)])
                p = U((v * BLOCKS_X + first) * BACKWARD_PLANES * LANES)
                dx, dy = x - F(BLOCK * first), y - F(BLOCK * v)
                for _ in range(first, last + 1):
                    _gradient_lanes(
                        tile, p, lane_sums, dx, dy, ha, b, hc, sigma_max, opacity, red, green, blue
                    )
                    p += U(BACKWARD_PLANES * LANES)
                    dx -= SIDE
            totals = _lane_totals(lane_sums)
            for m in range(MOMENTS):
                sums[g, U(m)] = totals[m]
