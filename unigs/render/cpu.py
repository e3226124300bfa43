"""The rasteriser on CPUs: compiled kernels behind two autograd functions, and a playback renderer.

Results do not depend on the number of threads, to the bit: every tile and every Gaussian is
computed by one thread in a fixed order.
"""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from unigs.kernels.threads import get_threads, parallel_for, parallel_ranges
from unigs.render import binning, blend_kernels, project_kernels

GROUP = 3
"""Channels that are blended together; other channel counts go in groups of three."""


def camera_vector(viewmat: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Pack view matrix [4,4] and intrinsics [3,3] into the kernels' 16 floats."""
    camera = np.empty(16, np.float32)
    camera[:9] = viewmat[:3, :3].reshape(-1)
    camera[9:12] = viewmat[:3, 3]
    camera[12:] = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    return camera


class TileList:
    """Visible Gaussians of one image, sorted by depth and copied to the tiles they touch."""

    def __init__(self, n: int, width: int, height: int) -> None:
        """Reserve memory for n Gaussians and an image of width x height pixels."""
        self.width, self.height = width, height
        self.tiles_x = -(-width // blend_kernels.TILE_WIDTH)
        self.tiles_y = -(-height // blend_kernels.TILE_HEIGHT)
        self.records = np.empty((n, blend_kernels.RECORD), np.float32)
        self.boxes = np.empty((n, 4), np.int16)
        self._sorted_boxes = np.empty((n, 4), np.int16)
        self._sort = [np.empty(n, t) for t in (np.uint32, np.uint32, np.int32, np.int32)]
        self.tile_records = np.empty((2 * n, blend_kernels.RECORD), np.float32)
        self.offsets = np.zeros(self.tiles_x * self.tiles_y + 1, np.int64)
        self.ids = self._sort[2][:0]
        self.first_slot = np.empty(0, np.int64)
        self.slots = np.empty(0, np.int32)
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
            blend_kernels.pack, len(depths), means2d, conics, radii, opacities, colors,
            self.width, self.height, self.records, self.boxes,
        )  # fmt: skip
        self.ids = binning.sort_by_depth(depths, radii, *self._sort)
        n = len(self.ids)
        boxes = self._sorted_boxes[:n]
        counts = np.zeros(len(self.offsets) - 1, np.int64)
        # bands of tile rows; for few Gaussians the hand-over costs more than it saves
        band = 1 if n > 4000 else self.tiles_y
        parallel_for(
            binning.count_tiles, self.tiles_y, self.ids, self.boxes, self.tiles_x, counts, boxes,
            min_chunk=band,
        )  # fmt: skip
        np.cumsum(counts, out=self.offsets[1:])
        pairs = int(self.offsets[-1])
        if pairs > len(self.tile_records):
            self.tile_records = np.empty((pairs + pairs // 4, blend_kernels.RECORD), np.float32)
        self.first_slot = np.empty(n + 1 if slots else 0, np.int64)
        self.slots = np.empty(pairs if slots else 0, np.int32)
        if slots:
            binning.number_slots(boxes, self.first_slot)
        cursors = self.offsets[:-1].copy()
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

    def blend(
        self,
        background: np.ndarray,
        image: np.ndarray,
        alpha: np.ndarray,
        transmittance: np.ndarray,
    ) -> None:
        """Render into image [H,W,3], alpha [H,W,1] and transmittance [H,W]."""
        parallel_ranges(
            blend_kernels.blend, self._cuts, self.tile_records, self.offsets, self.tiles_x,
            self.width, self.height, background, image, alpha, transmittance,
        )  # fmt: skip

    def blend_backward(
        self,
        image: np.ndarray,
        transmittance: np.ndarray,
        grad_image: np.ndarray,
        grad_alpha: np.ndarray,
        outputs: tuple[np.ndarray, ...],
    ) -> None:
        """Write the gradients of means2d, conics, opacities, colors (zero on entry)."""
        sums = np.empty((int(self.offsets[-1]), blend_kernels.MOMENTS), np.float32)
        parallel_ranges(
            blend_kernels.blend_backward, self._cuts, self.tile_records, self.offsets,
            self.tiles_x, self.width, self.height, image, transmittance, grad_image, grad_alpha,
            sums,
        )  # fmt: skip
        parallel_for(
            blend_kernels.gather, len(self.ids), self.records, self.ids, self.first_slot,
            self.slots, sums, *outputs,
        )  # fmt: skip


class Project(torch.autograd.Function):
    """3D Gaussians to image ellipses: means2d [N,2], conics [N,3], depths [N], radii [N,2]."""

    @staticmethod
    def forward(ctx, means, quats, scales, opacities, viewmat, K, width, height):
        """See ``project_kernels.project``."""
        n = len(means)
        camera = camera_vector(viewmat.numpy(), K.numpy())
        outputs = (
            torch.empty(n, 2), torch.empty(n, 3), torch.empty(n),
            torch.empty(n, 2, dtype=torch.int32),
        )  # fmt: skip
        parallel_for(
            project_kernels.project, n, means.numpy(), quats.numpy(), scales.numpy(),
            opacities.numpy(), camera, width, height, *(o.numpy() for o in outputs),
        )  # fmt: skip
        ctx.save_for_backward(means, quats, scales, outputs[1], outputs[3])
        ctx.camera, ctx.width, ctx.height = camera, width, height
        ctx.mark_non_differentiable(outputs[3])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_means2d, grad_conics, grad_depths, _):
        """See ``project_kernels.project_backward``."""
        means, quats, scales, conics, radii = (t.numpy() for t in ctx.saved_tensors)
        outputs = [torch.empty(a.shape) for a in (means, quats, scales)]
        grad_camera = np.empty((len(means) if ctx.needs_input_grad[4] else 0, 12), np.float32)
        parallel_for(
            project_kernels.project_backward, len(means), means, quats, scales, ctx.camera,
            ctx.width, ctx.height, radii, conics,
            *(g.contiguous().numpy() for g in (grad_means2d, grad_conics, grad_depths)),
            *(o.numpy() for o in outputs), grad_camera,
        )  # fmt: skip
        grad_view = None
        if ctx.needs_input_grad[4]:
            total = torch.from_numpy(grad_camera.sum(axis=0, dtype=np.float64)).float()
            grad_view = torch.zeros(4, 4)
            grad_view[:3, :3], grad_view[:3, 3] = total[:9].reshape(3, 3), total[9:]
        return (*outputs, None, grad_view, None, None, None)


class Blend(torch.autograd.Function):
    """Image ellipses to image [H,W,C] and alpha [H,W,1]."""

    @staticmethod
    def forward(ctx, means2d, conics, opacities, colors, background, depths, radii, size):
        """See ``blend_kernels.blend``; channels beyond three run in groups over the same list."""
        width, height = size
        groups = [_group(colors, k) for k in range(0, colors.shape[1], GROUP)]
        images = [torch.empty(height, width, GROUP) for _ in groups]
        alpha = torch.empty(height, width, 1)
        transmittance = np.empty((height, width), np.float32)
        tiles = TileList(len(means2d), width, height)
        arrays = [t.numpy() for t in (means2d, conics, depths, radii, opacities)]
        for k, (group, image) in enumerate(zip(groups, images, strict=True)):
            tiles.build(*arrays, group, slots=any(ctx.needs_input_grad))
            rest = _group(background[None], GROUP * k)[0]
            tiles.blend(rest, image.numpy(), alpha.numpy(), transmittance)
        ctx.save_for_backward(means2d, conics, opacities, colors, depths, radii)
        ctx.tiles, ctx.images, ctx.transmittance = tiles, images, transmittance
        if colors.shape[1] == GROUP:
            return images[0], alpha
        return torch.cat(images, dim=2)[..., : colors.shape[1]].contiguous(), alpha

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_image, grad_alpha):
        """See ``blend_kernels.blend_backward``; the gradients of the groups add up."""
        means2d, conics, opacities, colors, depths, radii = ctx.saved_tensors
        n, channels = colors.shape
        arrays = [t.numpy() for t in (means2d, conics, depths, radii, opacities)]
        grad_alpha = grad_alpha.contiguous().numpy()
        shapes = ((n, 2), (n, 3), (n,), (n, GROUP))
        parts = []
        for k, image in enumerate(ctx.images):
            if len(ctx.images) > 1:
                ctx.tiles.build(*arrays, _group(colors, GROUP * k), slots=True)
            outputs = tuple(torch.zeros(shape) for shape in shapes)
            ctx.tiles.blend_backward(
                image.numpy(), ctx.transmittance, _group(grad_image, GROUP * k), grad_alpha,
                tuple(o.numpy() for o in outputs),
            )  # fmt: skip
            grad_alpha = np.zeros_like(grad_alpha)  # counted once, with the first group
            parts.append(outputs)
        shared = [sum(part[1:], part[0]) for part in list(zip(*parts, strict=True))[:3]]
        grad_colors = torch.cat([part[3] for part in parts], dim=1)[:, :channels]
        grad_background = None
        if ctx.needs_input_grad[4]:
            rest = ctx.transmittance.astype(np.float64).reshape(-1)
            total = rest @ grad_image.numpy().reshape(-1, channels)
            grad_background = torch.from_numpy(total).float()
        return (*shared, grad_colors, grad_background, None, None, None)


def _group(values: Tensor, first: int) -> np.ndarray:
    """Channels [first, first + 3) of values [...,C], zero where there are none."""
    part = values[..., first : first + GROUP]
    missing = GROUP - part.shape[-1]
    if missing:
        part = torch.nn.functional.pad(part, (0, missing))
    return part.contiguous().numpy()


def rasterize_cpu(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmat: Tensor,
    K: Tensor,
    width: int,
    height: int,
    background: Tensor,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The same as :func:`unigs.render.rasterize.rasterize`, for checked CPU tensors."""
    means2d, conics, depths, radii = Project.apply(
        means, quats, scales, opacities, viewmat, K, width, height
    )
    image, alpha = Blend.apply(
        means2d, conics, opacities, colors, background, depths, radii, (width, height)
    )
    meta = {"means2d": means2d, "conics": conics, "depths": depths, "radii": radii}
    return image, alpha, meta
