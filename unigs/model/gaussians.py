"""The one Gaussian field: raw parameters theta of eq. 2 and how they are activated."""

from __future__ import annotations

import torch
from torch import nn

from unigs.render.harmonics import Y0

MAX_SCALE = 0.1
"""Longest axis of a Gaussian, meters: larger Gaussians would paint the background."""


class Gaussians(nn.Module):
    """Raw parameters of N Gaussians in the head's frame.

    K = (degree + 1)^2 is the number of harmonics.

    Attributes:
        means: centers, meters [N,3].
        log_scales: logarithms of the axes' lengths [N,3].
        quats: rotations wxyz, not normalized [N,4].
        opacities: logits [N].
        colors: degree-0 coefficients f_0 [N,3]; color = 0.5 + Y0 f_0.
        harmonics: higher coefficients [N,K-1,3], or absent.
        anchors: logits of the weight towards the body's frame [N], or absent.
    """

    FIELDS = ("means", "log_scales", "quats", "opacities", "colors", "harmonics", "anchors")

    def __init__(self, **fields: torch.Tensor) -> None:
        super().__init__()
        for name in self.FIELDS:
            value = fields.get(name)
            self.register_parameter(name, None if value is None else nn.Parameter(value))

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """Degree of the colors' spherical harmonics."""
        higher = 0 if self.harmonics is None else self.harmonics.shape[1]
        return int((higher + 1) ** 0.5) - 1

    def part(self, chosen: torch.Tensor) -> Gaussians:
        """A copy of the Gaussians of a mask, bool [N]."""
        return Gaussians(**{name: p.detach()[chosen] for name, p in self.present().items()})

    def sh(self) -> torch.Tensor:
        """All spherical-harmonics coefficients [N,K,3]."""
        constant = self.colors[:, None]
        return constant if self.harmonics is None else torch.cat([constant, self.harmonics], 1)

    def present(self) -> dict[str, nn.Parameter]:
        """The parameters that this field has, by name."""
        return {name: p for name in self.FIELDS if (p := getattr(self, name)) is not None}

    @staticmethod
    def from_points(
        points: torch.Tensor,
        spacing: torch.Tensor,
        colors: torch.Tensor,
        sh_degree: int,
        opacity: float = 0.1,
        anchors: torch.Tensor | None = None,
    ) -> Gaussians:
        """Round Gaussians at given points.

        Args:
            points: centers [N,3], meters.
            spacing: distance to the neighbors [N], meters: the radius.
            colors: RGB in [0,1] [N,3].
            sh_degree: degree of the colors.
            opacity: opacity of all Gaussians, in (0,1).
            anchors: anchor logits [N]; None: without anchors.
        """
        count = len(points)
        higher = (sh_degree + 1) ** 2 - 1
        quats = torch.zeros(count, 4)
        quats[:, 0] = 1
        return Gaussians(
            means=points.float().clone(),
            log_scales=spacing.float().clamp(1e-4, MAX_SCALE).log()[:, None].repeat(1, 3),
            quats=quats,
            opacities=torch.full((count,), opacity).logit(),
            colors=(colors.float() - 0.5) / Y0,
            harmonics=torch.zeros(count, higher, 3) if higher else None,
            anchors=anchors,
        )

    def activated_scales(self, delta: torch.Tensor | None = None) -> torch.Tensor:
        """Axes' lengths [N,3] in meters; `delta` is added to the raw log-scales (eq. 7)."""
        raw = self.log_scales if delta is None else self.log_scales + delta
        return raw.exp().clamp(max=MAX_SCALE)

    def activated_opacities(self, delta: torch.Tensor | None = None) -> torch.Tensor:
        """Opacities [N] in (0,1); `delta` [N] is added to the logits."""
        raw = self.opacities if delta is None else self.opacities + delta
        return raw.sigmoid()
