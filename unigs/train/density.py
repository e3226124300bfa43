"""Density control: where the field needs more Gaussians, and which ones it can spare."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from unigs.geometry.rotations import rotate
from unigs.model.gaussians import Gaussians
from unigs.settings.static import StaticSettings
from unigs.train.gaussian_adam import GaussianAdam

SPLIT_SHRINK = 1.6
"""Factor by which the two parts of a split Gaussian are smaller (3DGS)."""


class DensityControl:
    """Clone and split where the screen-space gradient is large, prune what is invisible (3DGS).

    Args:
        field: the Gaussians.
        adam: optimizer of the Gaussians.
        settings: thresholds and schedule.
        size: side of the image in pixels: gradients of 2-D means are per pixel, the threshold is
            per half image (so that it does not depend on the resolution).
    """

    def __init__(
        self, field: Gaussians, adam: GaussianAdam, settings: StaticSettings, size: int
    ) -> None:
        self.field, self.adam, self.settings, self.half = field, adam, settings, size / 2
        self._reset()

    def _reset(self) -> None:
        count, device = len(self.field), self.field.means.device
        self.gradient = torch.zeros(count, device=device)
        self.seen = torch.zeros(count, device=device)

    def due(self, step: int) -> bool:
        """Whether this step ends with a densification."""
        s = self.settings
        last = s.densify_until * s.iterations
        return s.densify_from <= step < last and step % s.densify_every == 0

    @torch.no_grad()
    def accumulate(self, meta: dict, batch: int = 1) -> None:
        """Add one frame's gradients of the 2-D means (after backward).

        Args:
            meta: the rasterizer's dictionary of the frame.
            batch: frames whose mean loss was differentiated. Gradients are multiplied by it, since
                the threshold is that of a single frame's loss.
        """
        gradient = meta["means2d"].grad
        if gradient is None:
            return
        visible = (meta["radii"] > 0).all(-1)
        self.gradient += torch.where(visible, gradient.norm(dim=-1) * (self.half * batch), 0.0)
        self.seen += visible

    def kept(self) -> torch.Tensor:
        """Mask of the Gaussians that are not pruned, bool [N]."""
        s, field = self.settings, self.field
        keep = field.activated_opacities() > s.prune_opacity
        return keep & (self.seen > 0) & (field.activated_scales().amax(1) < s.prune_size)

    def heat(self, keep: torch.Tensor) -> torch.Tensor:
        """Mean gradient of the kept Gaussians that are over the threshold, of all others 0, [N]."""
        mean = self.gradient / self.seen.clamp(min=1)
        return torch.where(keep & (mean > self.settings.densify_gradient), mean, 0.0)

    def change(self, keep: torch.Tensor, hot: torch.Tensor) -> None:
        """Prune all but the kept, then split the large and clone the small among the hot."""
        s, field = self.settings, self.field
        largest = field.activated_scales().amax(1)
        split, clone = hot & (largest > s.split_size), hot & (largest <= s.split_size)
        raw = {name: parameter.detach() for name, parameter in field.present().items()}
        parts = self._split(raw, split)
        new = {name: torch.cat([value[clone], parts[name]]) for name, value in raw.items()}
        self.adam.replace(torch.nonzero(keep & ~split)[:, 0], new)
        self._reset()

    @staticmethod
    def _split(raw: dict[str, torch.Tensor], mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Two smaller Gaussians for each of `mask`, at random places inside it."""
        parts = {
            name: value[mask].repeat(2, *[1] * (value.dim() - 1)) for name, value in raw.items()
        }
        offset = torch.randn_like(parts["means"]) * parts["log_scales"].exp()
        parts["means"] = parts["means"] + rotate(parts["quats"], offset)
        parts["log_scales"] = parts["log_scales"] - math.log(SPLIT_SHRINK)
        return parts


@torch.no_grad()
def densify(controls: Sequence[DensityControl]) -> None:
    """Prune, clone and split the fields of a portrait under one cap, the hottest first.

    Args:
        controls: of all layers, with the same settings.
    """
    kept = [control.kept() for control in controls]
    heats = [control.heat(keep) for control, keep in zip(controls, kept, strict=True)]
    room = controls[0].settings.max_gaussians - sum(int(keep.sum()) for keep in kept)
    heat, threshold = torch.cat(heats), 0.0
    if int((heat > 0).sum()) > room:
        threshold = heat.topk(max(room, 0) + 1).values[-1]
    for control, keep, own in zip(controls, kept, heats, strict=True):
        control.change(keep, own > threshold)
