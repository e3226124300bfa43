"""Multi-resolution tri-plane encoding of a position (eqs. 4 and 5)."""

from __future__ import annotations

import torch
from torch import nn

from unigs.model.kernels.encoding import encode
from unigs.model.kernels.levels import levels

FADE = 0.1
"""Share of the box's side over which the features of a fading plane rise from zero to full."""


class TriPlane(nn.Module):
    """Three 2-D multi-resolution grids, XY, YZ and XZ, concatenated.

    Args:
        low: lower corner of the box that the grids cover [3], meters.
        high: upper corner of the box [3], meters.
        n_levels: number of levels, L of eq. 4.
        features: features per vertex, F of eq. 4.
        base: cells along a side of the box on the coarsest level.
        finest: cells along a side of the box on the finest level.
        log2_entries: a level with more than 2^log2_entries vertices is hashed.
        fade: features fall to zero towards the box's border and are zero outside of the box; False:
            outside they are those of the border.
    """

    def __init__(
        self,
        low: torch.Tensor,
        high: torch.Tensor,
        n_levels: int,
        features: int,
        base: int,
        finest: int,
        log2_entries: int,
        fade: bool = False,
    ) -> None:
        super().__init__()
        self.levels = levels(n_levels, base, finest, log2_entries)
        self.fade = fade
        self.register_buffer("low", low.float().clone())
        self.register_buffer("high", high.float().clone())
        # Small random features, as in the instant-NGP family: the start is nearly constant.
        self.tables = nn.Parameter(
            torch.empty(3, self.levels.entries, features).uniform_(-1e-4, 1e-4)
        )
        self.width = 3 * n_levels * features

    def forward(self, means: torch.Tensor, reach: torch.Tensor | None = None) -> torch.Tensor:
        """f_mu of eq. 5 for centers [N,3] in meters: [N, 3*L*F].

        Args:
            means: centers, constants for a plane that fades.
            reach: from `reach`; None: computed here.
        """
        unit = self._in_box(means).clamp(0, 1).contiguous()
        return encode(unit, self.tables, self.levels, self.reach(means) if reach is None else reach)

    @torch.no_grad()
    def reach(self, means: torch.Tensor) -> torch.Tensor | None:
        """Factor [N] of the features at centers [N,3] in meters; None for a plane without fade."""
        if not self.fade:
            return None
        unit = self._in_box(means)
        return (torch.minimum(unit, 1 - unit).amin(1) / FADE).clamp(0, 1)

    def _in_box(self, means: torch.Tensor) -> torch.Tensor:
        # One pass: torch is slow where it repeats three numbers over an array [N,3].
        scale = 1 / (self.high - self.low)
        return torch.addcmul(-self.low * scale, means, scale)
