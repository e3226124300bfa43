"""Composition of a premultiplied image over a plate, and its gradient: one pass each."""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from unigs.compute.jit import kernel
from unigs.compute.threads import parallel_for

_ROWS_PER_THREAD = 16
"""Fewer rows are not worth handing to another thread."""
_ONE = np.float32(1)


@kernel
def _composite_rows(start, stop, image, alpha, plate, out):
    """Write out [H,W,3] = image + (1 - alpha) plate in rows start..stop."""
    for y in range(start, stop):
        for x in range(image.shape[1]):
            rest = _ONE - alpha[y, x, 0]
            for c in range(3):
                out[y, x, c] = image[y, x, c] + rest * plate[y, x, c]


@kernel
def _alpha_gradient_rows(start, stop, grad, plate, out):
    """Write the gradient [H,W,1] of alpha, -sum_c grad_c plate_c, in rows start..stop."""
    for y in range(start, stop):
        for x in range(grad.shape[1]):
            out[y, x, 0] = -(
                grad[y, x, 0] * plate[y, x, 0]
                + grad[y, x, 1] * plate[y, x, 1]
                + grad[y, x, 2] * plate[y, x, 2]
            )


class _Composite(torch.autograd.Function):
    """Composition; the image gets the output's gradient as it is, alpha its own."""

    @staticmethod
    def forward(ctx, image: Tensor, alpha: Tensor, plate: Tensor) -> Tensor:
        out = torch.empty(image.shape)
        arrays = (x.detach().contiguous().numpy() for x in (image, alpha, plate))
        parallel_for(_composite_rows, len(out), *arrays, out.numpy(), min_chunk=_ROWS_PER_THREAD)
        ctx.save_for_backward(plate)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        (plate,) = ctx.saved_tensors
        to_alpha = torch.empty(*grad.shape[:2], 1)
        arrays = (x.contiguous().numpy() for x in (grad, plate))
        parallel_for(
            _alpha_gradient_rows, len(grad), *arrays, to_alpha.numpy(), min_chunk=_ROWS_PER_THREAD
        )
        return grad, to_alpha, None


def composite(image: Tensor, alpha: Tensor, plate: Tensor) -> Tensor:
    """Composite an image over a plate: image + (1 - alpha) plate.

    Args:
        image: colors premultiplied by alpha [H,W,3], differentiable.
        alpha: opacity [H,W,1], differentiable.
        plate: background [H,W,3], a constant.

    Returns:
        [H,W,3].

    Raises:
        ValueError: shapes or types that do not fit, or a plate that asks for a gradient.
    """
    shapes = tuple(image.shape), (*image.shape[:2], 1), tuple(image.shape)
    if image.ndim != 3 or shapes != tuple(tuple(x.shape) for x in (image, alpha, plate)):
        found = ", ".join(str(tuple(x.shape)) for x in (image, alpha, plate))
        raise ValueError(f"composite takes [H,W,3], [H,W,1] and [H,W,3], got {found}")
    if plate.requires_grad:
        raise ValueError("composite is differentiable in image and alpha only")
    if image.device.type != "cpu":
        return composite_torch(image, alpha, plate)
    if any(x.dtype != torch.float32 for x in (image, alpha, plate)):
        raise ValueError(
            f"composite takes float32, got {image.dtype}, {alpha.dtype}, {plate.dtype}"
        )
    return _Composite.apply(image, alpha, plate)


def composite_torch(image: Tensor, alpha: Tensor, plate: Tensor) -> Tensor:
    """`composite` in plain torch: any device and float type.

    Args:
        image: colors premultiplied by alpha [H,W,3].
        alpha: opacity [H,W,1].
        plate: background [H,W,3].
    """
    return image.addcmul(1 - alpha, plate)
