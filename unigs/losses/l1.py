"""Absolute difference of two images, summed over the frame and over regions of it at once.

L1 (eq. 8) and every region's loss (eq. 9) are sums of the same differences: one pass makes them
all, and one pass their gradient.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from unigs.compute.jit import kernel
from unigs.compute.threads import parallel_for

_ROWS_PER_THREAD = 16
"""Fewer rows are not worth handing to another thread."""
_F = np.float32
_U = np.uint64
_THIRD = np.float32(1 / 3)


@kernel
def _sum_rows(start, stop, image, truth, masks, sums):
    """Write sums [H,1+R] of rows start..stop: of the row, then inside each of masks [R,H,W]."""
    off = np.empty(image.shape[1], np.float32)
    for y in range(start, stop):
        total = _F(0)
        for x in range(image.shape[1]):
            off[x] = _THIRD * (
                abs(image[y, x, 0] - truth[y, x, 0])
                + abs(image[y, x, 1] - truth[y, x, 1])
                + abs(image[y, x, 2] - truth[y, x, 2])
            )
            total += off[x]
        sums[y, 0] = total
        for k in range(len(masks)):
            total = _F(0)
            for x in range(image.shape[1]):
                total += off[x] if masks[k, y, x] else _F(0)
            sums[y, k + 1] = total


@kernel
def _gradient_rows(start, stop, image, truth, masks, grad, out):
    """Write the gradient [H,W,3] of rows start..stop; grad [1+R] of the sums."""
    width = image.shape[1]
    weight = np.empty(width, np.float32)
    of_value = np.empty(3 * width, np.float32)
    for y in range(start, stop):
        weight[:] = grad[0]
        for k in range(len(masks)):
            for x in range(width):
                weight[x] += grad[k + 1] if masks[k, y, x] else _F(0)
        for x in range(width):
            w, i = _THIRD * weight[x], _U(3 * x)
            of_value[i], of_value[i + _U(1)], of_value[i + _U(2)] = w, w, w
        # All values of a row in one loop without steps: compilers make vector code of it.
        a, b, o = image[y].reshape(-1), truth[y].reshape(-1), out[y].reshape(-1)
        for k in range(3 * width):
            i = _U(k)
            off, w = a[i] - b[i], of_value[i]
            o[i] = w if off > _F(0) else (-w if off < _F(0) else _F(0))


class _RegionL1(torch.autograd.Function):
    """Sums over the frame and the regions; gradient to the image."""

    @staticmethod
    def forward(ctx, image: Tensor, truth: Tensor, masks: Tensor) -> Tensor:
        inputs = [x.detach().contiguous() for x in (image, truth, masks)]
        ctx.save_for_backward(*inputs)
        sums = np.zeros((len(image), 1 + len(masks)), np.float32)
        arrays = (x.numpy() for x in inputs)
        parallel_for(_sum_rows, len(image), *arrays, sums, min_chunk=_ROWS_PER_THREAD)
        return torch.from_numpy(sums.sum(0, dtype=np.float64).astype(np.float32))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        out = torch.empty(ctx.saved_tensors[0].shape)
        arrays = (*(x.numpy() for x in ctx.saved_tensors), grad.contiguous().numpy(), out.numpy())
        parallel_for(_gradient_rows, len(out), *arrays, min_chunk=_ROWS_PER_THREAD)
        return out, None, None


def region_l1(image: Tensor, truth: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
    """Sum of the absolute difference, mean over the channels: of the frame, then of each region.

    Args:
        image: [H,W,3], differentiable.
        truth: [H,W,3], a constant.
        masks: bool [H,W], one per region; they may overlap.

    Returns:
        Sums [1+R]: of the frame, then of each region.

    Raises:
        ValueError: shapes or types that do not fit, or a truth that asks for a gradient.
    """
    if image.ndim != 3 or image.shape != truth.shape or image.shape[2] != 3:
        raise ValueError(
            f"region_l1 takes two [H,W,3] images, got {tuple(image.shape)}, {tuple(truth.shape)}"
        )
    if any(mask.shape != image.shape[:2] or mask.dtype != torch.bool for mask in masks):
        raise ValueError(f"masks must be bool {tuple(image.shape[:2])}")
    if truth.requires_grad:
        raise ValueError("region_l1 is differentiable in its first image only")
    if image.device.type != "cpu":
        return region_l1_torch(image, truth, masks)
    if image.dtype != torch.float32 or truth.dtype != torch.float32:
        raise ValueError(f"region_l1 takes float32, got {image.dtype} and {truth.dtype}")
    stacked = torch.stack(list(masks)) if masks else torch.empty(0, *truth.shape[:2])
    return _RegionL1.apply(image, truth, stacked.bool())


def region_sizes(masks: Sequence[Tensor]) -> Tensor:
    """Number of pixels in each region, float32 [R] on the masks' device.

    Args:
        masks: bool [H,W], one per region, one at least.
    """
    if masks[0].device.type != "cpu":
        return torch.stack([mask.sum() for mask in masks]).float()
    # NumPy counts some five times as fast as torch.
    return torch.tensor([float(np.count_nonzero(mask.numpy())) for mask in masks])


def region_l1_torch(image: Tensor, truth: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
    """`region_l1` in plain torch: any device and float type.

    Args:
        image: [H,W,3].
        truth: [H,W,3].
        masks: bool [H,W], one per region.
    """
    off = (image - truth).abs().mean(-1)
    return torch.stack([off.sum(), *((off * mask).sum() for mask in masks)])
