"""Density control."""

from dataclasses import replace

import numpy as np
import torch

from tests.support.stages import STATIC
from unigs.model.gaussians import Gaussians
from unigs.train.density import DensityControl, densify
from unigs.train.gaussian_adam import GaussianAdam, gaussian_rates


def field_of(count: int) -> Gaussians:
    torch.manual_seed(0)
    points = torch.randn(count, 3) * 0.05
    return Gaussians.from_points(points, torch.full((count,), 0.003), torch.rand(count, 3), 1)


def test_density_control_prunes_clones_and_splits_the_right_ones():
    field = field_of(10)
    with torch.no_grad():
        field.opacities[0] = -20  # invisible
        field.log_scales[1] = np.log(0.02)  # large and hot: split
        field.log_scales[2] = np.log(0.002)  # small and hot: clone
    before = {name: p.detach().clone() for name, p in field.present().items()}
    adam = GaussianAdam(field, gaussian_rates(STATIC))
    sum(p.square().sum() for p in field.parameters()).backward()
    adam.step()
    density = DensityControl(field, adam, STATIC, 100)
    density.seen += 1
    density.gradient[1] = density.gradient[2] = 1.0
    densify([density])
    assert len(field) == 10 - 1 - 1 + 1 + 2
    assert len(adam.adam.state[field.means]["exp_avg"]) == len(field)
    # Adam moved everything by about its learning rate; the clone sits on its original.
    assert (field.means - before["means"][2]).norm(dim=1).lt(0.001).sum() == 2
    parts = field.log_scales[:, 0] > np.log(0.01)
    assert parts.sum() == 2
    assert (field.means[parts] - before["means"][1]).norm(dim=1).max() < 0.1
    (field.means.sum() + field.harmonics.sum()).backward()
    adam.step()


def test_density_control_respects_the_cap():
    field = field_of(50)
    settings = replace(STATIC, max_gaussians=55)
    density = DensityControl(field, GaussianAdam(field, gaussian_rates(settings)), settings, 100)
    density.seen += 1
    density.gradient += torch.linspace(1, 2, 50)
    densify([density])
    assert 51 <= len(field) <= 55
