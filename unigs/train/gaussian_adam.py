"""Adam for a set of Gaussians that grows and shrinks."""

from __future__ import annotations

import torch
from torch import nn

from unigs.model.gaussians import Gaussians
from unigs.settings.static import StaticSettings


def gaussian_rates(settings: StaticSettings) -> dict[str, float]:
    """Learning rate of each raw parameter of the field."""
    return {
        "means": settings.lr_means,
        "log_scales": settings.lr_scales,
        "quats": settings.lr_quats,
        "opacities": settings.lr_opacities,
        "colors": settings.lr_colors,
        # 3DGS: view dependence learns twenty times slower than the color itself.
        "harmonics": settings.lr_colors / 20,
        "anchors": settings.lr_anchor,
    }


class GaussianAdam:
    """Adam over all parameters of a field, each with a learning rate of its own.

    Args:
        field: the Gaussians.
        rates: learning rate per parameter name.
    """

    def __init__(self, field: Gaussians, rates: dict[str, float]) -> None:
        self.field = field
        groups = [
            {"params": [parameter], "lr": rates[name], "name": name, "base": rates[name]}
            for name, parameter in field.present().items()
        ]
        # eps as in 3DGS: the gradients of single Gaussians are tiny.
        self.adam = torch.optim.Adam(groups, betas=(0.9, 0.999), eps=1e-15, fused=True)

    def scale_rates(self, factor: float, means_factor: float) -> None:
        """Set the rates to `factor` times their base (the means' to `means_factor` times)."""
        for group in self.adam.param_groups:
            group["lr"] = group["base"] * (means_factor if group["name"] == "means" else factor)

    def step(self) -> None:
        """Apply and clear the gradients."""
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def replace(self, keep: torch.Tensor, new: dict[str, torch.Tensor]) -> None:
        """Keep some Gaussians with their moments, and append new ones without moments.

        Args:
            keep: indices of surviving Gaussians, long [M].
            new: raw parameters of added Gaussians by name, first dimension A.
        """
        for group in self.adam.param_groups:
            name, old = group["name"], group["params"][0]
            parameter = nn.Parameter(torch.cat([old.detach()[keep], new[name]]))
            state = self.adam.state.pop(old, {})
            for moment in ("exp_avg", "exp_avg_sq"):
                if moment in state:
                    state[moment] = torch.cat([state[moment][keep], torch.zeros_like(new[name])])
            self.adam.state[parameter] = state
            group["params"] = [parameter]
            setattr(self.field, name, parameter)
