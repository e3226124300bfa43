"""Compiled sorting by depth and distribution of Gaussians to image tiles.

One stable radix sort on the depth's bits orders all Gaussians (ties keep their index order, as
gsplat's sort does); a stable counting sort then copies their records into tile order, so that the
blending kernels read memory in sequence. Bands of tile rows are filled independently, so that
threads never share a tile and the order inside a tile never depends on them. On the way back,
gradients of a Gaussian's copies are added up in that order too.
"""

import numpy as np

from unigs.compute.jit import kernel
from unigs.render.spec import MOMENTS, RECORD

F, U = np.float32, np.uint64
DIGIT_BITS = 11
"""Bits of one pass of the radix sort."""
DIGITS = 1 << DIGIT_BITS
DIGIT_MASK = np.uint32(DIGITS - 1)


@kernel
def sort_by_depth(depths, radii, keys, keys_spare, ids, ids_spare):
    """Return the indices of the visible Gaussians, nearest first (a view of a scratch array).

    Depths are positive, so their bits sort like unsigned integers.
    """
    bits = depths.view(np.uint32)
    counts = np.zeros((3, DIGITS), np.int32)
    visible = U(0)
    for i in range(depths.shape[0]):
        key = bits[U(i)]
        keys[visible], ids[visible] = key, i
        if radii[U(i), 0] > 0:
            visible += U(1)
            for k in range(3):
                counts[k, U((key >> np.uint32(DIGIT_BITS * k)) & DIGIT_MASK)] += 1
    n = np.int64(visible)
    for k in range(3):
        first = counts[k]
        total, largest = 0, 0
        for d in range(DIGITS):
            count = first[d]
            first[d] = total
            total += count
            largest = max(largest, count)
        if largest == n:  # all keys share this digit
            continue
        shift = np.uint32(DIGIT_BITS * k)
        for i in range(n):
            digit = U((keys[U(i)] >> shift) & DIGIT_MASK)
            place = U(first[digit])
            first[digit] += 1
            keys_spare[place], ids_spare[place] = keys[U(i)], ids[U(i)]
        keys, keys_spare = keys_spare, keys
        ids, ids_spare = ids_spare, ids
    return ids[:n]


@kernel
def count_tiles(ids, boxes, tiles_x, counts, sorted_boxes):
    """Count the Gaussians of every tile.

    Args:
        ids: visible Gaussians in depth order [n].
        boxes: first and last tile column, first and last tile row of every Gaussian [N,4] int16.
        tiles_x: tiles per row.
        counts: [tiles] int64, zero on entry.
        sorted_boxes: receives the boxes in depth order [n,4].
    """
    for k in range(ids.shape[0]):
        i, u = U(ids[U(k)]), U(k)
        x0, x1, y0, y1 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        sorted_boxes[u, 0], sorted_boxes[u, 1] = x0, x1
        sorted_boxes[u, 2], sorted_boxes[u, 3] = y0, y1
        for ty in range(np.int64(y0), np.int64(y1) + 1):
            for tx in range(np.int64(x0), np.int64(x1) + 1):
                counts[U(ty * tiles_x + tx)] += 1


@kernel
def number_slots(sorted_boxes, first_slot):
    """Running number of copies before each Gaussian in depth order: [n,4] -> [n+1]."""
    total = 0
    for k in range(sorted_boxes.shape[0]):
        first_slot[k] = total
        columns = np.int64(sorted_boxes[k, 1]) - np.int64(sorted_boxes[k, 0]) + 1
        rows = np.int64(sorted_boxes[k, 3]) - np.int64(sorted_boxes[k, 2]) + 1
        total += max(0, columns) * max(0, rows)
    first_slot[sorted_boxes.shape[0]] = total


@kernel
def fill_tiles(
    row_start, row_stop, ids, boxes, records, tiles_x, cursors, tile_records, first_slot, slots
):
    """Copy the records of the tile rows [row_start, row_stop) into tile order, nearest first.

    Args:
        row_start: first tile row.
        row_stop: tile row after the last.
        ids: visible Gaussians in depth order [n].
        boxes: their tile boxes [n,4].
        records: of all Gaussians [N,16].
        tiles_x: tiles per row.
        cursors: next free place of every tile [tiles] (moved on).
        tile_records: receives the copies [pairs,16].
        first_slot: [n+1] start of every Gaussian's part of ``slots``; no rows: slots not wanted.
        slots: receives where a Gaussian's copies went, tile by tile [pairs].
    """
    want = first_slot.shape[0] > 0
    for k in range(ids.shape[0]):
        u = U(k)
        i = U(ids[u])
        x0, x1 = np.int64(boxes[u, 0]), np.int64(boxes[u, 1]) + 1
        y0, y1 = np.int64(boxes[u, 2]), np.int64(boxes[u, 3]) + 1
        top, bottom = max(row_start, y0), min(row_stop, y1)
        slot = np.int64(0)
        if want:
            slot = first_slot[u] + (top - y0) * (x1 - x0)
        for ty in range(top, bottom):
            for tx in range(x0, x1):
                tile = U(ty * tiles_x + tx)
                place = cursors[tile]
                cursors[tile] = place + 1
                for r in range(RECORD):
                    tile_records[U(place), U(r)] = records[i, U(r)]
                if want:
                    slots[U(slot)] = place
                    slot += 1


@kernel
def gather(
    start, stop, ids, first_slot, slots, sums, conics, opacities,
    grad_means2d, grad_conics, grad_opacities, grad_colors,
):  # fmt: skip
    """Turn the copies' sums [pairs,9] into gradients of the Gaussians ids[start:stop].

    The sums are those of z = alpha dL/dalpha and its moments over a tile's pixels, and of the
    colors' gradients; see ``blend_kernels.blend_backward``.
    """
    total = np.empty(MOMENTS, np.float32)
    for k in range(start, stop):
        i = U(ids[U(k)])
        total[:] = F(0)
        for slot in range(first_slot[k], first_slot[k + 1]):
            place = U(slots[U(slot)])
            for m in range(MOMENTS):
                total[m] += sums[place, m]
        a, b, c = conics[i, 0], conics[i, 1], conics[i, 2]
        grad_opacities[i] = total[0] / opacities[i]
        grad_means2d[i, 0] = -(a * total[1] + b * total[2])
        grad_means2d[i, 1] = -(b * total[1] + c * total[2])
        grad_conics[i, 0] = F(-0.5) * total[3]
        grad_conics[i, 1] = -total[4]
        grad_conics[i, 2] = F(-0.5) * total[5]
        grad_colors[i, 0], grad_colors[i, 1], grad_colors[i, 2] = total[6], total[7], total[8]
