"""The rasterizer on CPUs: compiled kernels behind two autograd functions, and a playback renderer.

Results do not depend on the number of threads, to the bit: every tile and every Gaussian is
computed by one thread in a fixed order.
"""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from unigs.compute.threads import parallel_for
from unigs.render import project_kernels
from unigs.render.tiles import TileList, lend

GROUP = 3
"""Channels that are blended together; images of other channel counts are split into groups."""


def camera_vector(viewmat: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Pack view matrix [4,4] and intrinsics [3,3] into the kernels' 16 floats."""
    camera = np.empty(16, np.float32)
    camera[:9] = viewmat[:3, :3].reshape(-1)
    camera[9:12] = viewmat[:3, 3]
    camera[12:] = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    return camera


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
        loan = lend(len(means2d), width, height)
        arrays = [t.numpy() for t in (means2d, conics, depths, radii, opacities)]
        for k, (group, image) in enumerate(zip(groups, images, strict=True)):
            loan.tiles.build(*arrays, group, slots=any(ctx.needs_input_grad))
            rest = _group(background[None], GROUP * k)[0]
            loan.tiles.blend(rest, image.numpy(), alpha.numpy())
        # an output kept as an attribute would be a reference cycle: never freed
        ctx.save_for_backward(means2d, conics, opacities, colors, depths, radii, *images)
        ctx.loan = loan
        if colors.shape[1] == GROUP:
            return images[0], alpha
        return torch.cat(images, dim=2)[..., : colors.shape[1]].contiguous(), alpha

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_image, grad_alpha):
        """See ``blend_kernels.blend_backward``; the gradients of the groups add up."""
        means2d, conics, opacities, colors, depths, radii, *images = ctx.saved_tensors
        n, channels = colors.shape
        arrays = [t.numpy() for t in (means2d, conics, depths, radii, opacities)]
        grad_alpha = grad_alpha.contiguous().numpy()
        shapes = ((n, 2), (n, 3), (n,), (n, GROUP))
        parts = []
        for k, image in enumerate(images):
            if len(images) > 1:
                ctx.loan.tiles.build(*arrays, _group(colors, GROUP * k), slots=True)
            outputs = tuple(torch.zeros(shape) for shape in shapes)
            background = ctx.loan.tiles.blend_backward(
                arrays[1], arrays[4], image.numpy(), _group(grad_image, GROUP * k), grad_alpha,
                tuple(o.numpy() for o in outputs),
            )  # fmt: skip
            grad_alpha = np.zeros_like(grad_alpha)  # counted once, with the first group
            parts.append((*outputs, torch.from_numpy(background)))
        shared = [sum(part[1:], part[0]) for part in list(zip(*parts, strict=True))[:3]]
        grad_colors = torch.cat([part[3] for part in parts], dim=1)[:, :channels]
        grad_background = torch.cat([part[4] for part in parts])[:channels]
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
    """Compute :func:`unigs.render.rasterize.rasterize` for checked CPU tensors."""
    means2d, conics, depths, radii = Project.apply(
        means, quats, scales, opacities, viewmat, K, width, height
    )
    image, alpha = Blend.apply(
        means2d, conics, opacities, colors, background, depths, radii, (width, height)
    )
    meta = {"means2d": means2d, "conics": conics, "depths": depths, "radii": radii}
    return image, alpha, meta


class PlaybackRasterizer:
    """The rasterizer of playback: no autograd, memory reserved once.

    The number of Gaussians and the image size are fixed; there are three channels.
    """

    def __init__(self, n: int, width: int, height: int) -> None:
        """Reserve memory for n Gaussians and an image of width x height pixels."""
        self.width, self.height = width, height
        self.means2d = np.zeros((n, 2), np.float32)
        self.conics = np.zeros((n, 3), np.float32)
        self.depths = np.zeros(n, np.float32)
        self.radii = np.zeros((n, 2), np.int32)
        self._tiles = TileList(n, width, height)
        self._image = np.zeros((height, width, GROUP), np.float32)
        self._alpha = np.zeros((height, width, 1), np.float32)

    def render(
        self,
        means: np.ndarray,
        quats: np.ndarray,
        scales: np.ndarray,
        opacities: np.ndarray,
        colors: np.ndarray,
        viewmat: np.ndarray,
        K: np.ndarray,
        background: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Render one frame; arguments as in :func:`unigs.render.rasterize.rasterize`.

        Args:
            means: [n,3] float32, like all arrays here; arrays in C order are not copied.
            quats: [n,4].
            scales: [n,3].
            opacities: [n].
            colors: [n,3].
            viewmat: [4,4].
            K: [3,3].
            background: [3].

        Returns:
            image [H,W,3] and alpha [H,W,1]: buffers that the next call overwrites.
        """
        means, quats, scales, opacities, colors, background = (
            np.ascontiguousarray(a, np.float32)
            for a in (means, quats, scales, opacities, colors, background)
        )
        n = len(self.depths)
        shapes = [a.shape for a in (means, quats, scales, opacities, colors, background)]
        if shapes != [(n, 3), (n, 4), (n, 3), (n,), (n, GROUP), (GROUP,)]:
            raise ValueError(f"this renderer is for {n} Gaussians of three channels, got {shapes}")
        camera = camera_vector(np.asarray(viewmat), np.asarray(K))
        projected = (self.means2d, self.conics, self.depths, self.radii)
        parallel_for(
            project_kernels.project, n, means, quats, scales, opacities, camera, self.width,
            self.height, *projected,
        )  # fmt: skip
        self._tiles.build(*projected, opacities, colors, slots=False)
        self._tiles.blend(background, self._image, self._alpha)
        return self._image, self._alpha
