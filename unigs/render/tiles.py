"""Visible Gaussians sorted into image tiles, and a small store of such lists for reuse.

A list's arrays take megabytes. Training makes one per image; fresh memory of that size costs page
faults every time, so lists that nobody needs any more are lent again.
"""

import numpy as np

from unigs.compute.threads import get_threads, parallel_for, parallel_ranges
from unigs.render import binning, blend_kernels, record_kernels
from unigs.render.spec import MOMENTS, RECORD


class TileList:
    """Visible Gaussians of one image, sorted by depth and copied to the tiles they touch."""

    def __init__(self, n: int, width: int, height: int) -> None:
        """Reserve memory for n Gaussians and an image of width x height pixels."""
        self.n, self.width, self.height = n, width, height
        self.tiles_x = -(-width // record_kernels.TILE_WIDTH)
        self.tiles_y = -(-height // record_kernels.TILE_HEIGHT)
        self.records = np.empty((n, RECORD), np.float32)
        self.boxes = np.empty((n, 4), np.int16)
        self._sorted_boxes = np.empty((n, 4), np.int16)
        self._sort = [np.empty(n, t) for t in (np.uint32, np.uint32, np.int32, np.int32)]
        self.tile_records = np.empty((2 * n, RECORD), np.float32)
        self.offsets = np.zeros(self.tiles_x * self.tiles_y + 1, np.int64)
        self.ids = self._sort[2][:0]
        self._first_slot = np.empty(n + 1, np.int64)
        self.first_slot = self._first_slot[:0]
        self.slots = np.empty(0, np.int32)
        self.transmittance = np.empty((height, width), np.float32)
        self._sums = np.empty((0, MOMENTS), np.float32)
        self._cuts = [0]

    def build(
        self,
        means2d: np.ndarray,
        conics: np.ndarray,
        depths: np.ndarray,
        radii: np.ndarray,
        opacities: np.ndarray,
        colors: np.ndarray,
        *,
        slots: bool,
    ) -> None:
        """Fill the list from projected Gaussians; ``slots`` keeps what the gradient needs."""
        parallel_for(
            record_kernels.pack, len(depths), means2d, conics, radii, opacities, colors,
            self.width, self.height, self.records, self.boxes, min_chunk=16384,
        )  # fmt: skip
        self.ids = binning.sort_by_depth(depths, radii, *self._sort)
        n = len(self.ids)
        boxes = self._sorted_boxes[:n]
        counts = np.zeros(len(self.offsets) - 1, np.int64)
        binning.count_tiles(self.ids, self.boxes, self.tiles_x, counts, boxes)
        np.cumsum(counts, out=self.offsets[1:])
        pairs = int(self.offsets[-1])
        if pairs > len(self.tile_records):
            self.tile_records = np.empty((pairs + pairs // 4, RECORD), np.float32)
        self.first_slot = self._first_slot[: n + 1 if slots else 0]
        if slots:
            if pairs > len(self.slots):
                self.slots = np.empty(len(self.tile_records), np.int32)
            binning.number_slots(boxes, self.first_slot)
        cursors = self.offsets[:-1].copy()
        # bands of tile rows; for few Gaussians the hand-over costs more than it saves
        band = 1 if n > 4000 else self.tiles_y
        parallel_for(
            binning.fill_tiles, self.tiles_y, self.ids, boxes, self.records, self.tiles_x, cursors,
            self.tile_records, self.first_slot, self.slots, min_chunk=band,
        )  # fmt: skip
        self._cuts = self._equal_work()

    def _equal_work(self) -> list[int]:
        """Cut the tiles into ranges of about equal work, several per thread."""
        tiles = len(self.offsets) - 1
        parts = 4 * get_threads() if get_threads() > 1 else 1
        work = self.offsets + 8 * np.arange(tiles + 1)  # an empty tile still costs a little
        cuts = np.searchsorted(work, work[-1] * np.arange(1, parts) / parts)
        return [0, *cuts.tolist(), tiles]

    def blend(self, background: np.ndarray, image: np.ndarray, alpha: np.ndarray) -> None:
        """Render into image [H,W,3] and alpha [H,W,1]; keeps the transmittance [H,W]."""
        parallel_ranges(
            blend_kernels.blend, self._cuts, self.tile_records, self.offsets, self.tiles_x,
            self.width, self.height, background, image, alpha, self.transmittance,
        )  # fmt: skip

    def blend_backward(
        self,
        conics: np.ndarray,
        opacities: np.ndarray,
        image: np.ndarray,
        grad_image: np.ndarray,
        grad_alpha: np.ndarray,
        outputs: tuple[np.ndarray, ...],
    ) -> np.ndarray:
        """Write the gradients of means2d, conics, opacities, colors (zero on entry).

        Returns the background's gradient [3].
        """
        if self.offsets[-1] > len(self._sums):
            shape = (len(self.tile_records), MOMENTS)
            self._sums = np.empty(shape, np.float32)
        background_sums = np.empty((len(self.offsets) - 1, 3), np.float32)
        parallel_ranges(
            blend_kernels.blend_backward, self._cuts, self.tile_records, self.offsets,
            self.tiles_x, self.width, self.height, image, self.transmittance, grad_image,
            grad_alpha, self._sums, background_sums,
        )  # fmt: skip
        parallel_for(
            binning.gather, len(self.ids), self.ids, self.first_slot, self.slots, self._sums,
            conics, opacities, *outputs,
        )  # fmt: skip
        return background_sums.sum(axis=0, dtype=np.float64).astype(np.float32)


MAX_SPARE = 4
"""Most lists that are kept for reuse."""
_spare: list[TileList] = []


class Loan:
    """Holds a list of tiles and puts it back when nobody refers to the loan any more."""

    def __init__(self, tiles: TileList) -> None:
        """Hold a list that no other loan holds."""
        self.tiles = tiles

    def __del__(self) -> None:
        """Put the list back; the oldest spare one goes when there are many."""
        _spare.append(self.tiles)
        if len(_spare) > MAX_SPARE:
            _spare.pop(0)


def lend(n: int, width: int, height: int) -> Loan:
    """Lend a list for n Gaussians and an image size: a spare one of this shape, or a new one."""
    for k in range(len(_spare) - 1, -1, -1):
        spare = _spare[k]
        if (spare.n, spare.width, spare.height) == (n, width, height):
            return Loan(_spare.pop(k))
    return Loan(TileList(n, width, height))
