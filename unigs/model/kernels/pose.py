"""Posing, activation and colors in training (paper eqs. 2, 7): one compiled pass each way.

In torch they are some fifty operations on arrays [N,...] and as many on the way back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.autograd.function import once_differentiable

from unigs.compute.threads import parallel_for
from unigs.model.kernels import pose_kernels

DEGREES = (0, 1)
"""Degrees of the colors' harmonics that the kernels are written for."""
_WIDTHS = (3, 4, 3, 0, 3)


@dataclass(frozen=True)
class Outputs:
    """What the deformation network gives for one frame, and how it is read."""

    raw: Tensor
    """Outputs [N,K]."""
    columns: tuple[int, int, int, int, int]
    """First column of position, scale, rotation, opacity and color; -1: not deformed."""
    units: tuple[float, float]
    """Meters per position output, raw units per other output."""


def frame_numbers(R: ArrayLike, t: ArrayLike, body_R: ArrayLike, body_t: ArrayLike) -> np.ndarray:
    """The numbers of a frame that the kernels read, float32 [22].

    Relative rotation [9] and shift [3] of the anchor, quaternion of the rotation [4], the camera's
    center in the head's frame [3] and in the body's frame [3].

    Args:
        R: rotation of the head pose [3,3].
        t: translation of the head pose [3], meters.
        body_R: rotation of the torso's frame [3,3].
        body_t: translation of the torso's frame [3], meters.
    """
    R, t, body_R, body_t = (np.asarray(x, np.float64) for x in (R, t, body_R, body_t))
    relative = R.T @ body_R
    w = math.sqrt(max(1 + np.trace(relative), 1e-8)) / 2
    axis = (
        relative[2, 1] - relative[1, 2],
        relative[0, 2] - relative[2, 0],
        relative[1, 0] - relative[0, 1],
    )
    parts = relative.ravel(), R.T @ (body_t - t), [w], np.array(axis) / (4 * w), R.T @ t
    return np.concatenate([*parts, body_R.T @ body_t]).astype(np.float32)


class Pose(torch.autograd.Function):
    """Centers, rotations, axes' lengths, opacities and colors of the Gaussians in one frame."""

    @staticmethod
    def forward(ctx, how: tuple, *parameters: Tensor) -> tuple[Tensor, ...]:
        columns, units, frame, largest = how
        inputs = [x.detach().contiguous() for x in parameters]
        n = len(inputs[0])
        outputs = tuple(torch.empty((n, width) if width else (n,)) for width in _WIDTHS)
        numbers = columns, np.array(units, np.float32), frame, np.float32(largest)
        arrays = (x.numpy() for x in inputs)
        parallel_for(pose_kernels.pose, n, *arrays, *numbers, *(x.numpy() for x in outputs))
        ctx.numbers = numbers
        means, log_scales, quats, _, *rest = inputs
        # Outputs are saved by this call alone: kept as attributes they would never be freed.
        ctx.save_for_backward(means, log_scales, quats, *rest, *outputs[2:4])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, scales, opacities = ctx.saved_tensors
        means, log_scales, quats, *rest = inputs
        outputs = tuple(map(torch.empty_like, (means, log_scales, quats, opacities, *rest)))
        parallel_for(
            pose_kernels.pose_backward, len(means), *(x.numpy() for x in inputs), *ctx.numbers,
            scales.numpy(), opacities.numpy(), tuple(x.contiguous().numpy() for x in grads),
            *(x.numpy() for x in outputs),
        )  # fmt: skip
        return None, *outputs


def pose(
    means: Tensor,
    log_scales: Tensor,
    quats: Tensor,
    opacities: Tensor,
    colors: Tensor,
    harmonics: Tensor | None,
    weights: Tensor | None,
    outputs: Outputs | None,
    frame: np.ndarray,
    largest: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Pose, deform, activate and color Gaussians on a CPU; differentiable in all tensors.

    Results do not depend on the number of threads, to the bit.

    Args:
        means: canonical centers [N,3], meters.
        log_scales: logarithms of the axes' lengths [N,3].
        quats: rotations wxyz, not normalized [N,4].
        opacities: logits [N].
        colors: coefficients of degree 0 [N,3].
        harmonics: coefficients of degree 1 [N,3,3]; None: colors have degree 0.
        weights: weights of the body's frame in [0,1] [N]; None: all follow the head.
        outputs: of the deformation network; None: the canonical field.
        frame: from `frame_numbers`.
        largest: upper limit of a Gaussian's axes, meters; at it lengths pass no gradient on.

    Returns:
        Centers [N,3], rotations [N,4], axes' lengths [N,3], opacities [N], colors [N,3].

    Raises:
        ValueError: shapes or types that do not fit.
    """
    n = len(means)
    harmonics = means.new_zeros(n, 0, 3) if harmonics is None else harmonics
    weights = means.new_zeros(n) if weights is None else weights
    if outputs is None:
        outputs = Outputs(means.new_zeros(n, 0), (-1,) * 5, (0.0, 0.0))
    wanted = [
        (means, (n, 3)), (log_scales, (n, 3)), (quats, (n, 4)), (opacities, (n,)),
        (colors, (n, 3)), (harmonics, (n, harmonics.shape[1], 3)), (weights, (n,)),
        (outputs.raw, (n, outputs.raw.shape[1])),
    ]  # fmt: skip
    for tensor, shape in wanted:
        if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
            raise ValueError(
                f"pose expected float32 {shape}, got {tensor.dtype} {tuple(tensor.shape)}"
            )
    if harmonics.shape[1] not in (0, 3):
        raise ValueError(f"pose takes harmonics of degree 0 or 1, got {tuple(harmonics.shape)}")
    ends = (c + w for c, w in zip(outputs.columns, (3, 3, 4, 1, 3), strict=True) if c >= 0)
    if any(end > outputs.raw.shape[1] for end in ends):
        raise ValueError(f"columns {outputs.columns} reach beyond {tuple(outputs.raw.shape)}")
    how = outputs.columns, outputs.units, frame, largest
    return Pose.apply(how, *(tensor for tensor, _ in wanted))
