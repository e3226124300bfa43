"""Compiled front-to-back blending of sorted Gaussians in image tiles, and its exact gradient.

The function is gsplat 1.5.3's (``csrc/RasterizeToPixels3DGSFwd.cu``): at the pixel center
alpha = min(0.999, o exp(-sigma)), skipped where sigma < 0 or o exp(-sigma) < 1/255, and a pixel
stops before the Gaussian that would bring its transmittance to 1e-4. For o <= 1 this does not
depend on tiles, so tiles here are as wide as suits a CPU and only the exact ellipse of a Gaussian
is visited. ``alpha >= 1/255`` is tested as ``sigma <= ln(255 o)``.

Vectorization: ``_blend_lanes`` and ``_gradient_lanes`` work on sixteen neighboring pixels: one
vector of AVX-512, two of AVX2. Compilers turn them into straight vector code because they have no
branch, unsigned indices, float32 constants only, and constant offsets between the planes of an
array. A second written array brings a check that they do not overlap: below sixteen lanes
compilers hold it to be not worth it and emit scalar code (docs/log.md). A test reads their
assembly. Lanes outside the ellipse compute and discard, possibly infinities.
"""

import math

import numpy as np

from unigs.compute.jit import inlined, kernel, lane_loop
from unigs.render.spec import ALPHA_STEPS, MAX_ALPHA, MIN_TRANSMITTANCE, MOMENTS

F, U = np.float32, np.uint64
TILE_WIDTH, TILE_HEIGHT = 64, 16
"""Size of an image tile, pixels."""
LANES = 16
"""Pixels that are worked on together."""
STRIDE = TILE_WIDTH + LANES
"""Distance of a tile's rows: a vector that starts at the last pixel of a row stays in the row."""
PLANE = STRIDE * TILE_HEIGHT
"""Numbers in one plane of a tile."""
EXIT_CHECK = 64
"""After so many Gaussians a tile is checked for pixels that have not stopped."""

X, Y, HA, B, HC, SIGMA_MAX, OPACITY, RED, GREEN, BLUE = (U(k) for k in range(10))
"""Columns of a record: center, the terms of sigma = HA dx^2 + B dx dy + HC dy^2, ln(255 o), o,
color."""
SHEAR, WIDTH2, TAPER, REACH_Y = (U(k) for k in range(10, 14))
"""Columns of a record: row dy of the ellipse has its center at x + SHEAR dy and half width
sqrt(WIDTH2 - TAPER dy^2); REACH_Y is half the height of the ellipse."""

ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
SLACK = F(2e-3)
"""Pixels added to spans against rounding; the sigma test decides."""
P1, P2, P3, P4 = (U(k * PLANE) for k in range(1, 5))
S1, S2, S3, S4, S5, S6, S7, S8 = (U(k * LANES) for k in range(1, MOMENTS))
ROW, VECTOR = U(STRIDE), U(LANES)
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


@kernel
def pack(start, stop, means2d, conics, radii, opacities, colors, width, height, records, boxes):
    """Write the records [N,16] and tile boxes [N,4] of the visible Gaussians in [start, stop)."""
    last_x, last_y = F((width - 1) // TILE_WIDTH), F((height - 1) // TILE_HEIGHT)
    for k in range(start, stop):
        i = U(k)
        if radii[i, 0] <= 0 or radii[i, 1] <= 0:
            continue
        x, y, opacity = means2d[i, 0], means2d[i, 1], opacities[i]
        a, b, c = conics[i, 0], conics[i, 1], conics[i, 2]
        # in double: for needles the two products agree in most digits
        det = F(np.float64(a) * np.float64(c) - np.float64(b) * np.float64(b))
        sigma_max = max(ZERO, math.log(ALPHA_STEPS * opacity))
        # the box of the projection, or the slightly tighter one of the ellipse if it has one
        reach_x, reach_y = F(radii[i, 0]), F(radii[i, 1])
        if det > ZERO:
            reach_x = min(reach_x, math.sqrt(TWO * sigma_max * c / det) + SLACK)
            reach_y = min(reach_y, math.sqrt(TWO * sigma_max * a / det) + SLACK)
        records[i, X], records[i, Y] = x, y
        records[i, HA], records[i, B], records[i, HC] = HALF * a, b, HALF * c
        records[i, SIGMA_MAX], records[i, OPACITY] = sigma_max, opacity
        for channel in range(3):
            records[i, RED + U(channel)] = colors[i, channel]
        records[i, SHEAR], records[i, WIDTH2] = b / a, TWO * sigma_max / a
        records[i, TAPER], records[i, REACH_Y] = det / (a * a), reach_y
        boxes[i, 0] = np.int16(max(ZERO, np.floor((x - reach_x) / F(TILE_WIDTH))))
        boxes[i, 1] = np.int16(min(last_x, np.floor((x + reach_x) / F(TILE_WIDTH))))
        boxes[i, 2] = np.int16(max(ZERO, np.floor((y - reach_y) / F(TILE_HEIGHT))))
        boxes[i, 3] = np.int16(min(last_y, np.floor((y + reach_y) / F(TILE_HEIGHT))))


@lane_loop
def _blend_lanes(tile, at, dx0, ha, b_dy, c_dy, sigma_max, opacity, red, green, blue):
    """Blend one Gaussian into 16 pixels; planes: transmittance (negative: stopped), R, G, B."""
    for lane in range(LANES):
        p = U(lane) + at
        dx = dx0 - F(lane)
        sigma = dx * (ha * dx + b_dy) + c_dy
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
def _gradient_lanes(tile, at, sums, dx0, dy, ha, b_dy, c_dy, sigma_max, opacity, red, green, blue):
    """Repeat ``_blend_lanes``, and add each lane's moments to its own place in sums.

    Planes: transmittance, the light behind (this and all later Gaussians and the background,
    weighted by the image gradient), and the image gradient's R, G, B. Sums: a row of lanes for each
    of the nine moments, added up once per record: to add up a vector takes as long as to make it.
    """
    for lane in range(LANES):
        p = U(lane) + at
        dx = dx0 - F(lane)
        sigma = dx * (ha * dx + b_dy) + c_dy
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


@inlined
def _open_tile(tile, t, tiles_x, width, height):
    """Set transmittance to 1 inside the image and -1 (stopped) beyond; return left, top, size."""
    left, top = (t % tiles_x) * TILE_WIDTH, (t // tiles_x) * TILE_HEIGHT
    columns, rows = min(TILE_WIDTH, width - left), min(TILE_HEIGHT, height - top)
    tile[:PLANE] = -ONE
    tile[PLANE:] = ZERO
    for row in range(rows):
        tile[row * STRIDE : row * STRIDE + columns] = ONE
    return left, top, columns, rows


@inlined
def _shading(records, g):
    """Columns of a record that the lanes use: HA, ln(255 o), o and the color."""
    return (
        records[g, HA], records[g, SIGMA_MAX], records[g, OPACITY],
        records[g, RED], records[g, GREEN], records[g, BLUE],
    )  # fmt: skip


@inlined
def _span(x, middle, dy, half, width2, taper, last_column):
    """First pixel of a row of the ellipse, and dx there and at the last one."""
    if half < F(LANES // 2):  # one vector covers every row: no exact span needed
        first = min(last_column, max(ZERO, np.ceil(middle - half)))
        return first, x - first, x - first
    half = math.sqrt(max(ZERO, width2 - taper * dy * dy)) + SLACK
    first = max(ZERO, np.ceil(middle - half))
    return first, x - first, x - min(last_column, np.floor(middle + half))


@inlined
def _live_pixels(tile):
    """Pixels that have not stopped (an integer count: float maxima do not vectorize)."""
    live = 0
    for p in range(PLANE):
        live += 1 if tile[p] > ZERO else 0
    return live


@kernel
def blend(
    start, stop, records, offsets, tiles_x, width, height, background,
    image, alpha, transmittance,
):  # fmt: skip
    """Blend the tiles [start, stop) into image [H,W,3], alpha [H,W,1], transmittance [H,W]."""
    tile = np.empty(4 * PLANE, np.float32)
    for t in range(start, stop):
        left, top, columns, rows = _open_tile(tile, t, tiles_x, width, height)
        x_first, y_first = F(left) + HALF, F(top) + HALF
        last_column, last_row = F(columns - 1), F(rows - 1)
        for k in range(offsets[t], offsets[t + 1]):
            if (k - offsets[t]) % EXIT_CHECK == EXIT_CHECK - 1 and _live_pixels(tile) == 0:
                break
            g = U(k)
            ha, sigma_max, opacity, red, green, blue = _shading(records, g)
            b, hc = records[g, B], records[g, HC]
            x, y = records[g, X] - x_first, records[g, Y] - y_first
            shear, width2, taper = records[g, SHEAR], records[g, WIDTH2], records[g, TAPER]
            row = max(ZERO, np.ceil(y - records[g, REACH_Y]))
            bottom = min(last_row, np.floor(y + records[g, REACH_Y]))
            place = U(np.int32(row)) * ROW
            half = math.sqrt(width2) + SLACK
            while row <= bottom:
                dy = y - row
                first, dx, dx_last = _span(x, x + shear * dy, dy, half, width2, taper, last_column)
                p = place + U(np.int32(first))
                b_dy, c_dy = b * dy, hc * dy * dy
                while dx >= dx_last:
                    _blend_lanes(tile, p, dx, ha, b_dy, c_dy, sigma_max, opacity, red, green, blue)
                    p += VECTOR
                    dx -= F(LANES)
                row += ONE
                place += ROW
        for row in range(rows):
            p, v = U(row * STRIDE), U(top + row)
            for u in range(left, left + columns):
                rest = abs(tile[p])
                transmittance[v, U(u)] = rest
                alpha[v, U(u), 0] = ONE - rest
                image[v, U(u), 0] = tile[p + P1] + rest * background[0]
                image[v, U(u), 1] = tile[p + P2] + rest * background[1]
                image[v, U(u), 2] = tile[p + P3] + rest * background[2]
                p += U(1)


@inlined
def _load_gradients(tile, left, top, columns, rows, image, transmittance, grad_image, grad_alpha):
    """Fill the planes of ``_gradient_lanes``; return the tile's share of the background's."""
    sum_r, sum_g, sum_b = ZERO, ZERO, ZERO
    for row in range(rows):
        p, v = U(row * STRIDE), U(top + row)
        for k in range(left, left + columns):
            u = U(k)
            red, green, blue = grad_image[v, u, 0], grad_image[v, u, 1], grad_image[v, u, 2]
            light = red * image[v, u, 0] + green * image[v, u, 1] + blue * image[v, u, 2]
            rest = transmittance[v, u]
            tile[p + P1] = light - rest * grad_alpha[v, u, 0]
            tile[p + P2], tile[p + P3], tile[p + P4] = red, green, blue
            sum_r, sum_g, sum_b = sum_r + rest * red, sum_g + rest * green, sum_b + rest * blue
            p += U(1)
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
    tile = np.empty(5 * PLANE, np.float32)
    lane_sums = np.empty(MOMENTS * LANES, np.float32)
    for t in range(start, stop):
        left, top, columns, rows = _open_tile(tile, t, tiles_x, width, height)
        red, green, blue = _load_gradients(
            tile, left, top, columns, rows, image, transmittance, grad_image, grad_alpha
        )
        background_sums[t, 0], background_sums[t, 1], background_sums[t, 2] = red, green, blue
        x_first, y_first = F(left) + HALF, F(top) + HALF
        last_column, last_row = F(columns - 1), F(rows - 1)
        done = False
        for k in range(offsets[t], offsets[t + 1]):
            if (k - offsets[t]) % EXIT_CHECK == EXIT_CHECK - 1 and not done:
                done = _live_pixels(tile) == 0
            g = U(k)
            ha, sigma_max, opacity, red, green, blue = _shading(records, g)
            b, hc = records[g, B], records[g, HC]
            x, y = records[g, X] - x_first, records[g, Y] - y_first
            shear, width2, taper = records[g, SHEAR], records[g, WIDTH2], records[g, TAPER]
            row = max(ZERO, np.ceil(y - records[g, REACH_Y]))
            bottom = -ONE if done else min(last_row, np.floor(y + records[g, REACH_Y]))
            place = U(np.int32(row)) * ROW
            half = math.sqrt(width2) + SLACK
            lane_sums[:] = ZERO
            while row <= bottom:
                dy = y - row
                first, dx, dx_last = _span(x, x + shear * dy, dy, half, width2, taper, last_column)
                p = place + U(np.int32(first))
                b_dy, c_dy = b * dy, hc * dy * dy
                while dx >= dx_last:
                    _gradient_lanes(
                        tile, p, lane_sums, dx, dy, ha, b_dy, c_dy, sigma_max, opacity, red, green,
                        blue,
                    )  # fmt: skip
                    p += VECTOR
                    dx -= F(LANES)
                row += ONE
                place += ROW
            for m in range(MOMENTS):
                total, q = ZERO, U(m * LANES)
                for lane in range(LANES):
                    total += lane_sums[q + U(lane)]
                sums[g, U(m)] = total
