"""The field in one frame: anchored, deformed (eq. 7), activated and colored."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unigs.model.anchor import Body, anchored
from unigs.model.deltas import Deltas, NetworkDeltas
from unigs.model.gaussians import MAX_SCALE, Gaussians
from unigs.model.kernels.pose import DEGREES, frame_numbers, pose
from unigs.render.harmonics import Y0, basis


def posed(
    field: Gaussians, R: Tensor, t: Tensor, body: Body, deltas: Deltas | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The Gaussians of one frame in the head's frame.

    On a CPU one compiled pass makes them; there no gradient reaches the poses.

    Args:
        field: the canonical field.
        R: rotation of the head pose [3,3].
        t: translation of the head pose [3], meters.
        body: the torso's frame.
        deltas: of eq. 6; None: the canonical field.

    Returns:
        Centers [N,3] in meters, rotations [N,4] (not normalized), axes' lengths [N,3] in meters,
        opacities [N] and colors [N,3].
    """
    numbers = R, t, body.R, body.t
    if not _compiled(field, deltas) or any(x.requires_grad for x in numbers):
        return posed_torch(field, R, t, body, deltas)
    return pose(
        field.means,
        field.log_scales,
        field.quats,
        field.opacities,
        field.colors,
        field.harmonics,
        None if field.anchors is None else field.anchors.sigmoid(),
        None if deltas is None else deltas.outputs,
        frame_numbers(*(x.numpy() for x in numbers)),
        MAX_SCALE,
    )


def _compiled(field: Gaussians, deltas: Deltas | None) -> bool:
    """Whether the kernels take this field and these deltas."""
    means = field.means
    known = deltas is None or isinstance(deltas, NetworkDeltas)
    fits = means.device.type == "cpu" and means.dtype == torch.float32
    return known and fits and field.sh_degree in DEGREES


def posed_torch(
    field: Gaussians, R: Tensor, t: Tensor, body: Body, deltas: Deltas | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """`posed` in plain torch: any device, float type and degree, differentiable in the poses.

    Args:
        field: the canonical field.
        R: rotation of the head pose [3,3].
        t: translation of the head pose [3], meters.
        body: the torso's frame.
        deltas: of eq. 6; None: the canonical field.
    """
    d = deltas or Deltas()
    means, quats = field.means, field.quats
    if d.rotation is not None:
        quats = quats + d.rotation
    directions = means.detach() + R.T @ t
    if field.anchors is not None:
        weights = field.anchors.sigmoid()
        # A point at rest in the body's frame is always seen from the same side.
        resting = means.detach() + body.R.T @ body.t
        directions = directions + weights.detach()[:, None] * (resting - directions)
        means, quats = anchored(means, quats, weights, R, t, body)
    if d.position is not None:
        means = means + d.position
    directions = nn.functional.normalize(directions, dim=-1)
    colors = 0.5 + (basis(directions, field.sh_degree)[:, :, None] * field.sh()).sum(1)
    if d.color is not None:
        colors = colors + Y0 * d.color
    scales, opacities = field.activated_scales(d.scale), field.activated_opacities(d.opacity)
    return means, quats, scales, opacities, colors.clamp(min=0)
