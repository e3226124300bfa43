"""Structural similarity (SSIM) of two images and its gradient.

The definition is that of the 3D Gaussian Splatting losses: an 11x11 Gaussian window with sigma 1.5,
zeros outside the image, C1 = 0.01^2, C2 = 0.03^2, dynamic range 1, mean over pixels and channels.
"""

import numpy as np
import torch
from torch import Tensor

from unigs.compute.threads import parallel_for
from unigs.losses.ssim_kernels import C1, C2, RADIUS, TILE, WEIGHTS, ssim_tiles


def _is_dense(image: Tensor) -> bool:
    """Whether the tensor's elements fill one block of memory, in any axis order."""
    expected = 1
    for stride, size in sorted(zip(image.stride(), image.shape, strict=True)):
        if size == 1:
            continue
        if stride != expected:
            return False
        expected *= size
    return True


def _flat(image: Tensor) -> tuple[np.ndarray, tuple[int, ...]]:
    """The memory of an image as one row, and its three strides in elements.

    A [H,W,C] image seen as [C,H,W] is read in place instead of being copied first.
    """
    image = image.detach()
    if not _is_dense(image):
        image = image.contiguous()
    return image.as_strided((image.numel(),), (1,)).numpy(), tuple(image.stride())


class _Ssim(torch.autograd.Function):
    """Mean SSIM; the gradient with respect to the first image is made during the forward pass."""

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor) -> Tensor:
        shape = tuple(a.shape)
        grid = (-(-shape[1] // TILE), -(-shape[2] // TILE))
        tasks = shape[0] * grid[0] * grid[1]
        want = bool(ctx.needs_input_grad[0])
        (flat_a, astep), (flat_b, bstep) = _flat(a), _flat(b)
        sums = np.zeros(tasks, np.float64)
        ctx.gradient = torch.empty_like(a) if want else torch.empty(1, 1, 1)
        out, ostep = _flat(ctx.gradient)
        inputs = (flat_a, flat_b, astep, bstep, shape, grid, want)
        parallel_for(
            ssim_tiles, tasks, *inputs, sums, out, ostep, np.float32(1 / a.numel()), min_chunk=1
        )
        return torch.tensor(sums.sum() / a.numel(), dtype=a.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.gradient, None


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean SSIM of two images, differentiable in the first.

    Args:
        a: [C,H,W] float32 in [0,1]; any memory order (a permuted [H,W,C] image is not copied).
        b: [C,H,W], the same shape; taken as a constant on the CPU.

    Returns:
        A scalar, 1 for identical images.

    Raises:
        ValueError: other shapes or types, or a second image that asks for a gradient.
    """
    if a.ndim != 3 or a.shape != b.shape or a.numel() == 0:
        raise ValueError(f"ssim takes two [C,H,W] images, got {tuple(a.shape)}, {tuple(b.shape)}")
    if b.requires_grad:
        raise ValueError("ssim is differentiable in its first image only")
    if a.device.type != "cpu":
        return ssim_torch(a, b)
    if a.dtype != torch.float32 or b.dtype != torch.float32:
        raise ValueError(f"ssim takes float32 images, got {a.dtype} and {b.dtype}")
    return _Ssim.apply(a, b)


def ssim_torch(a: Tensor, b: Tensor) -> Tensor:
    """`ssim` in plain torch: any device and float type, differentiable in both images.

    Args:
        a: [C,H,W] in [0,1].
        b: [C,H,W], the same shape.
    """
    channels = a.shape[0]
    line = torch.tensor(WEIGHTS, dtype=a.dtype, device=a.device)
    window = (line[:, None] * line[None, :]).expand(channels, 1, -1, -1)

    def average(x: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(x[None], window, padding=RADIUS, groups=channels)[0]

    u, v = average(a), average(b)
    squares = u * u + v * v
    covariance = average(a * b) - u * v
    variances = average(a * a + b * b) - squares
    value = (2 * u * v + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))
    return value.mean()
