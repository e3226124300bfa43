"""The Gaussians of a portrait, at rest or in a frame, as numbers of the .ply layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from unigs.exchange.ply.layout import Rows, joined
from unigs.geometry.rotations import rotate
from unigs.model.anchor import Body, anchored
from unigs.model.deltas import Deltas
from unigs.model.gaussians import MAX_SCALE, Gaussians
from unigs.model.portrait import Portrait
from unigs.playback.cues import Cue, cues
from unigs.render.harmonics import Y0, basis
from unigs.render.rasterize import Splats
from unigs.subject.performance import Performance

DIRECTIONS = 32
"""Directions in which a Gaussian's color is read to turn its harmonics; 16 would be the fewest."""
AT_ONCE = 8192
"""Gaussians whose harmonics are turned together."""


@dataclass(frozen=True)
class Posed:
    """The Gaussians of one frame, and the camera that sees them as the player draws them."""

    rows: Rows
    """Those of all layers, in the head's frame."""
    R: np.ndarray
    """Rotation [3,3], x_cam = R x + t; x_cam is right, down, forward."""
    t: np.ndarray
    """Translation [3], meters."""


@torch.no_grad()
def canonical(portrait: Portrait) -> Posed:
    """The canonical field theta_0 of every layer, seen as the torso stands at rest.

    Args:
        portrait: static or dynamic.
    """
    rows = joined(
        _rows(layer.gaussians, layer.gaussians.means, layer.gaussians.quats, layer.gaussians.sh())
        for layer in portrait.layers
    )
    return Posed(rows, portrait.body_R.numpy(), portrait.body_t.numpy())


class Mover:
    """Moves the field of a portrait as the players do.

    Args:
        portrait: static or dynamic, on a CPU.
    """

    @torch.no_grad()
    def __init__(self, portrait: Portrait) -> None:
        self.portrait = portrait
        self.fixed = [
            layer.motion.deformation.fixed_part(layer.encode()) if layer.has_dynamics else None
            for layer in portrait.layers
        ]

    def frames(self, performance: Performance) -> Iterator[Posed]:
        """The field of each frame.

        Args:
            performance: what moves it.

        Raises:
            UserError: speech or eyes are not what the portrait was trained with.
        """
        for cue in cues(self.portrait, performance):
            yield Posed(self._moved(cue), cue.R.numpy(), cue.t.numpy())

    @torch.no_grad()
    def _moved(self, cue: Cue) -> Rows:
        layers = []
        for layer, fixed in zip(self.portrait.layers, self.fixed, strict=True):
            deltas = None
            if fixed is not None:
                network = layer.motion.deformation
                deltas = network.deltas(network.per_frame(fixed, cue.bias, cue.shapes))
            splats = layer.splats(cue.R, cue.t, cue.torso, deltas)
            layers.append(_seen(layer.gaussians, splats, deltas or Deltas(), cue))
            cue = cue.behind or cue
        return joined(layers)


def _rows(
    field: Gaussians,
    means: torch.Tensor,
    quats: torch.Tensor,
    sh: torch.Tensor,
    d: Deltas | None = None,
) -> Rows:
    """Numbers of a field with other centers, rotations and harmonics."""
    d = d or Deltas()
    opacities = field.opacities if d.opacity is None else field.opacities + d.opacity
    scales = field.log_scales if d.scale is None else field.log_scales + d.scale
    values = means, sh, opacities, scales.clamp(max=math.log(MAX_SCALE)), normalize(quats, dim=-1)
    return Rows(*(value.detach().numpy() for value in values))


def _seen(field: Gaussians, splats: Splats, d: Deltas, cue: Cue) -> Rows:
    """The field of a frame, whose own camera sees exactly the player's colors.

    The portrait takes its viewing directions from the canonical centers, a file from those that
    it holds. The small difference goes into the constant term.
    """
    sh = field.sh().clone()
    if d.color is not None:
        sh[:, 0] += d.color
    if field.sh_degree:
        if field.anchors is not None:
            sh = turned(sh, _turns(field, cue.R, cue.t, cue.torso))
        directions = normalize(splats.means + cue.R.T @ cue.t, dim=-1)
        own = 0.5 + (basis(directions, field.sh_degree)[:, :, None] * sh).sum(1)
        # Both players and files show a color below zero as black.
        black = (splats.colors <= 0) & (own <= 0)
        sh[:, 0] += torch.where(black, 0.0, splats.colors - own) / Y0
    return _rows(field, splats.means, splats.quats, sh, d)


def _turns(field: Gaussians, R: torch.Tensor, t: torch.Tensor, body: Body) -> torch.Tensor:
    """How far the anchor turns each Gaussian in the head's frame: quaternions [N,4]."""
    still = torch.zeros(len(field), 4)
    still[:, 0] = 1
    return anchored(field.means, still, field.anchors.sigmoid(), R, t, body)[1]


def turned(sh: torch.Tensor, quats: torch.Tensor) -> torch.Tensor:
    """Harmonics of Gaussians that are turned: the color once seen from d is seen from q d.

    Args:
        sh: coefficients [N,K,3].
        quats: rotations wxyz [N,4] of any length.
    """
    degree = math.isqrt(sh.shape[1]) - 1
    sphere = _sphere(DIRECTIONS)
    fit = torch.linalg.pinv(basis(sphere, degree))
    back = quats * torch.tensor([1.0, -1.0, -1.0, -1.0])
    parts = []
    for own, turn in zip(sh.split(AT_ONCE), back.split(AT_ONCE), strict=True):
        each = rotate(turn.repeat_interleave(DIRECTIONS, 0), sphere.repeat(len(turn), 1))
        colors = basis(each.view(len(turn), DIRECTIONS, 3), degree) @ own
        parts.append(fit @ colors)
    return torch.cat(parts)


def _sphere(count: int) -> torch.Tensor:
    """Directions [count,3] spread evenly, on a spiral from pole to pole."""
    k = torch.arange(count) + 0.5
    z, angle = 1 - 2 * k / count, k * math.pi * (3 - math.sqrt(5))
    ring = (1 - z * z).sqrt()
    return torch.stack([ring * angle.cos(), ring * angle.sin(), z], 1)
