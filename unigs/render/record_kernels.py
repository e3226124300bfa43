"""Compiled records of projected Gaussians: all that blending reads of one, in a cache line."""

import math

import numpy as np

from unigs.compute.jit import inlined, kernel, lane_loop
from unigs.render.spec import ALPHA_STEPS

F, U = np.float32, np.uint64
TILE_WIDTH, TILE_HEIGHT = 64, 32
"""Size of an image tile, pixels: what blending keeps of its pixels fits the nearest caches."""
BLOCK = 4
"""Side of the squares of pixels that a tile consists of: blending works on one at a time."""
BLOCKS_X, BLOCKS_Y = TILE_WIDTH // BLOCK, TILE_HEIGHT // BLOCK
"""Blocks in a row of a tile, and rows of blocks."""

X, Y, HA, B, HC, SIGMA_MAX, OPACITY, RED, GREEN, BLUE = (U(k) for k in range(10))
"""Columns of a record: center, the terms of sigma = HA dx^2 + B dx dy + HC dy^2, ln(255 o), o,
color."""
SHEAR, WIDTH2, TAPER, REACH_Y, EXTREME = (U(k) for k in range(10, 15))
"""Columns of a record: the row dy above the center has the middle of its ellipse at x + SHEAR dy
and half the width sqrt(WIDTH2 - TAPER dy^2); REACH_Y is half the height of the ellipse; its
rightmost point lies in row dy = EXTREME, its leftmost one in row -EXTREME. A Gaussian that is no
ellipse, by rounding, has its box in their place."""

ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
SIDE, BEYOND = F(BLOCK), F(TILE_WIDTH)
SLACK = F(2e-3)
"""Pixels added to the ellipse against rounding; the sigma test of blending decides."""


@inlined
def _tile_range(middle, reach, side, last):
    """First and last tile of an extent; the first lies behind the last where it meets none."""
    first = min(last + ONE, max(ZERO, np.floor((middle - reach) / side)))
    return np.int16(first), np.int16(max(-ONE, min(last, np.floor((middle + reach) / side))))


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
        shear, width2, taper, extreme = ZERO, reach_x * reach_x, ZERO, ZERO
        if det > ZERO:
            half_width = math.sqrt(TWO * sigma_max * c / det)
            shear, width2, taper = b / a, TWO * sigma_max / a, det / (a * a)
            extreme = b / c * half_width
            reach_x = min(reach_x, half_width + SLACK)
            reach_y = min(reach_y, math.sqrt(TWO * sigma_max * a / det) + SLACK)
        records[i, X], records[i, Y] = x, y
        records[i, HA], records[i, B], records[i, HC] = HALF * a, b, HALF * c
        records[i, SIGMA_MAX], records[i, OPACITY] = sigma_max, opacity
        for channel in range(3):
            records[i, RED + U(channel)] = colors[i, channel]
        records[i, SHEAR], records[i, WIDTH2], records[i, TAPER] = shear, width2, taper
        records[i, REACH_Y], records[i, EXTREME] = reach_y, extreme
        boxes[i, 0], boxes[i, 1] = _tile_range(x, reach_x, F(TILE_WIDTH), last_x)
        boxes[i, 2], boxes[i, 3] = _tile_range(y, reach_y, F(TILE_HEIGHT), last_y)


@inlined
def center(records, g, x_first, y_first):
    """Center of a Gaussian seen from the pixel center (x_first, y_first)."""
    return records[g, X] - x_first, records[g, Y] - y_first


@inlined
def shading(records, g):
    """What a pixel needs of a Gaussian: the terms of sigma, ln(255 o), o and the color."""
    return (
        records[g, HA], records[g, B], records[g, HC], records[g, SIGMA_MAX], records[g, OPACITY],
        records[g, RED], records[g, GREEN], records[g, BLUE],
    )  # fmt: skip


@inlined
def block_rows(records, g, y, last_row):
    """First and last row of a tile's blocks that the ellipse of record g reaches into.

    The center's row y and the tile's last row are in pixels from the tile's first pixel center.
    """
    reach = records[g, REACH_Y]
    first = np.int32(max(ZERO, np.ceil(y - reach))) // BLOCK
    return first, np.int32(np.floor(min(last_row, y + reach))) // BLOCK


@lane_loop
def block_spans(spans, records, g, x, y, last_column):
    """Write the first block of record g's ellipse in each row of a tile's blocks, then the last.

    Spans are 2 x 8 float32, numbers of blocks in their row; the center (x, y) and the tile's last
    column are in pixels from the tile's first pixel center. Of the pixel rows of a block the edge
    lies furthest out in that which is nearest to the ellipse's outermost point, since an ellipse is
    convex.
    """
    shear, width2, taper = records[g, SHEAR], records[g, WIDTH2], records[g, TAPER]
    reach_y, extreme = records[g, REACH_Y], records[g, EXTREME]
    for k in range(2 * BLOCKS_Y):
        side = ONE if k >= BLOCKS_Y else -ONE
        dy = y - F(BLOCK * (k % BLOCKS_Y))
        at = min(max(side * extreme, max(dy - (SIDE - ONE), -reach_y)), min(dy, reach_y))
        half = np.sqrt(max(ZERO, width2 - taper * at * at)) + SLACK
        pixel = side * np.floor(side * (x + shear * at) + half)
        # bounds first: what is not finite becomes one of them, and no place outside of the tile
        least, most = (-SIDE, last_column) if k >= BLOCKS_Y else (ZERO, BEYOND)
        spans[k] = np.floor(min(most, max(least, pixel)) / SIDE)
