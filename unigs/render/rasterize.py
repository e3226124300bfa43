"""The one call that renders 3D Gaussians, on any device."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Splats", "rasterize", "rasterize_frames"]

MAX_CHANNELS = 8
"""Most color channels of a Gaussian."""


@dataclass(frozen=True)
class Splats:
    """One frame's Gaussians, camera and background, with the shapes and units of `rasterize`."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor
    viewmat: Tensor
    background: Tensor | None = None


def rasterize(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmat: Tensor,
    K: Tensor,
    width: int,
    height: int,
    background: Tensor | None = None,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Render Gaussians with the semantics of gsplat 1.5.3 (classic mode, pinhole camera).

    Differentiable in means, quats, scales, opacities, colors, background and viewmat. CPU tensors
    run on compiled kernels (``render.cpu``), CUDA tensors on gsplat (``render.cuda``).

    Args:
        means: centers [N,3] in meters.
        quats: rotations [N,4] (w,x,y,z), normalized inside.
        scales: standard deviations [N,3] in meters (activated, not logarithms).
        opacities: [N] in [0,1] (activated, not logits).
        colors: [N,C] with 1 <= C <= 8.
        viewmat: world-to-camera matrix [4,4] in OpenCV axes.
        K: intrinsics [3,3] in pixels.
        width: image width in pixels.
        height: image height in pixels.
        background: color behind everything [C]; black if None.

    Returns:
        image [H,W,C], alpha [H,W,1], and a dictionary with ``means2d`` [N,2] in pixels (a graph
        tensor: ``retain_grad()`` gives the screen-space gradient that densification needs),
        ``radii`` [N,2] int32 half sizes of the bounding boxes in pixels (0: not visible),
        ``depths`` [N] and ``conics`` [N,3]. Values of Gaussians that are not visible have no
        meaning.

    Raises:
        ValueError: shapes, dtypes or devices do not fit.
    """
    splats = Splats(means, quats, scales, opacities, colors, viewmat, background)
    return rasterize_frames([splats], K, width, height)[0]


def rasterize_frames(
    frames: list[Splats], K: Tensor, width: int, height: int
) -> list[tuple[Tensor, Tensor, dict[str, Tensor]]]:
    """Render several frames of equally many Gaussians, each as :func:`rasterize` would.

    On a GPU one call renders all frames; with more than one, viewmat gets no gradient.

    Args:
        frames: at least one.
        K: intrinsics [3,3] of all frames, pixels.
        width: width of all images in pixels.
        height: height of all images in pixels.

    Returns:
        image, alpha and dictionary of each frame, as :func:`rasterize` returns them.

    Raises:
        ValueError: shapes, dtypes or devices do not fit.
    """
    arguments = [_arguments(splats, K, width, height) for splats in frames]
    if K.device.type == "cuda":
        from unigs.render.cuda import rasterize_cuda

        return rasterize_cuda(arguments, width, height)
    from unigs.render.cpu import rasterize_cpu

    return [rasterize_cpu(*a[:-1], width, height, a[-1]) for a in arguments]


def _arguments(splats: Splats, K: Tensor, width: int, height: int) -> tuple[Tensor, ...]:
    """A frame's tensors, checked and contiguous: means .. colors, viewmat, K, background."""
    *gaussians, viewmat, background = vars(splats).values()
    _, channels = _check(*gaussians, viewmat, K, width, height)
    if background is None:
        background = splats.means.new_zeros(channels)
    elif background.shape != (channels,) or background.dtype != torch.float32:
        raise ValueError(
            f"background must be float32 [{channels}], got {background.dtype} "
            f"{list(background.shape)}"
        )
    return tuple(t.contiguous() for t in (*gaussians, viewmat, K, background))


def _check(means, quats, scales, opacities, colors, viewmat, K, width, height) -> tuple[int, int]:
    """Raise ValueError for arguments that do not fit; return N and C."""
    n = means.shape[0]
    channels = colors.shape[-1]
    if not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"colors must have 1 to {MAX_CHANNELS} channels, got {channels}")
    if width < 1 or height < 1:
        raise ValueError(f"the image must have at least one pixel, got {width} x {height}")
    wanted = {
        "means": (means, (n, 3)),
        "quats": (quats, (n, 4)),
        "scales": (scales, (n, 3)),
        "opacities": (opacities, (n,)),
        "colors": (colors, (n, channels)),
        "viewmat": (viewmat, (4, 4)),
        "K": (K, (3, 3)),
    }
    for name, (tensor, shape) in wanted.items():
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have shape {list(shape)}, got {list(tensor.shape)}")
        if tensor.dtype != torch.float32:
            raise ValueError(f"{name} must be float32, got {tensor.dtype}")
        if tensor.device != means.device:
            raise ValueError(f"{name} is on {tensor.device}, but means on {means.device}")
    return n, channels
