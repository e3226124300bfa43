"""Mean absolute difference of an opacity image and a mask."""

import numpy as np
import torch
from torch import Tensor

from unigs.compute.jit import kernel
from unigs.compute.threads import parallel_for

_ROWS_PER_THREAD = 16
"""Fewer rows are not worth handing to another thread."""
_F = np.float32


@kernel
def _difference_rows(start, stop, values, mask, sums, signs):
    """Write the sums [H] of |values - mask| of rows start..stop, and the differences' signs [H,W].

    Bytes of a mask are 0 or 1.
    """
    for y in range(start, stop):
        total = _F(0)
        for x in range(values.shape[1]):
            off = values[y, x] - _F(mask[y, x])
            total += abs(off)
            signs[y, x] = _F(1) if off > _F(0) else (_F(-1) if off < _F(0) else _F(0))
        sums[y] = total


class _MaskL1(torch.autograd.Function):
    """The mean; the signs, its gradient's, are made during the forward pass."""

    @staticmethod
    def forward(ctx, values: Tensor, mask: Tensor) -> Tensor:
        values = values.detach().contiguous()
        ctx.signs, sums = torch.empty_like(values), np.empty(len(values), np.float32)
        arrays = values.numpy(), mask.contiguous().numpy().view(np.uint8), sums, ctx.signs.numpy()
        parallel_for(_difference_rows, len(values), *arrays, min_chunk=_ROWS_PER_THREAD)
        return torch.tensor(sums.sum(dtype=np.float64) / values.numel(), dtype=values.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.signs * (grad / ctx.signs.numel()), None


def mask_l1(values: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference of an image and a mask, a scalar.

    Args:
        values: [H,W], differentiable.
        mask: bool [H,W], which counts 0 or 1.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    if values.ndim != 2 or mask.shape != values.shape or mask.dtype != torch.bool:
        raise ValueError(
            f"mask_l1 takes [H,W] and bool [H,W], got {tuple(values.shape)} and {mask.dtype} "
            f"{tuple(mask.shape)}"
        )
    if values.device.type != "cpu":
        return mask_l1_torch(values, mask)
    if values.dtype != torch.float32:
        raise ValueError(f"mask_l1 takes float32, got {values.dtype}")
    return _MaskL1.apply(values, mask)


def mask_l1_torch(values: Tensor, mask: Tensor) -> Tensor:
    """`mask_l1` in plain torch: any device and float type.

    Args:
        values: [H,W].
        mask: bool [H,W].
    """
    return (values - mask.to(values.dtype)).abs().mean()
