"""Density control."""

from dataclasses import replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation

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


def control_of(field: Gaussians, settings=STATIC) -> DensityControl:
    return DensityControl(field, GaussianAdam(field, gaussian_rates(settings)), settings, 100)


def test_the_parts_of_a_split_lie_as_the_gaussian_does_and_are_smaller():
    """Many copies of one turned ellipsoid: their parts have its center and its covariance."""
    count, field = 3000, field_of(3000)
    turn = Rotation.from_rotvec([0.4, -0.7, 0.9])
    x, y, z, w = turn.as_quat()
    size = np.array([0.03, 0.01, 0.005])
    with torch.no_grad():
        field.means[:] = torch.tensor([0.01, 0.02, 0.03])
        field.quats[:] = torch.tensor([w, x, y, z])
        field.log_scales[:] = torch.from_numpy(size).log()
    before = {name: value.detach().clone() for name, value in field.present().items()}
    density = control_of(field, replace(STATIC, max_gaussians=10000))
    torch.manual_seed(0)
    density.change(torch.ones(count).bool(), torch.ones(count).bool())
    after = {name: value.detach() for name, value in field.present().items()}
    assert len(field) == 2 * count
    offset = (after["means"] - before["means"][0]).double().numpy()
    expected = turn.as_matrix() @ np.diag(size**2) @ turn.as_matrix().T
    np.testing.assert_allclose(np.cov(offset.T), expected, atol=0.05 * size[0] ** 2)
    own = offset @ turn.as_matrix()
    np.testing.assert_allclose(own.std(0), size, rtol=0.05)
    assert (np.abs(offset.mean(0)) < 4 * size[0] / np.sqrt(2 * count)).all()
    halves = own[:count], own[count:]
    assert abs(np.corrcoef(halves[0].ravel() / np.tile(size, count), halves[1].ravel())[0, 1]) < 0.1
    torch.testing.assert_close(
        after["log_scales"].exp() * 1.6, before["log_scales"].exp().repeat(2, 1)
    )
    for name in ("quats", "opacities", "colors", "harmonics"):
        assert torch.equal(after[name], torch.cat([before[name], before[name]])), name


def test_density_control_is_due_from_its_first_step_to_its_share_of_the_steps():
    settings = replace(STATIC, iterations=120, densify_from=40, densify_every=20, densify_until=0.8)
    density = control_of(field_of(3), settings)
    assert [step for step in range(120) if density.due(step)] == [40, 60, 80]


def test_survivors_keep_their_moments_and_new_ones_start_without():
    field = field_of(6)
    adam = GaussianAdam(field, gaussian_rates(STATIC))
    weights = torch.arange(1.0, 7.0)
    for _ in range(2):
        sum(
            (p.flatten(1).sum(1) if p.dim() > 1 else p) @ weights for p in field.parameters()
        ).backward()
        adam.step()
    before = {
        name: {k: v.clone() for k, v in adam.adam.state[p].items()}
        for name, p in field.present().items()
    }
    new = {name: p.detach()[:2] for name, p in field.present().items()}
    adam.replace(torch.tensor([1, 3, 4]), new)
    for name, p in field.present().items():
        state = adam.adam.state[p]
        assert state["step"] == 2
        for moment in ("exp_avg", "exp_avg_sq"):
            old = before[name][moment]
            assert (old.flatten(1) if old.dim() > 1 else old[:, None]).abs().amax(1).min() > 0
            assert torch.equal(state[moment][:3], old[[1, 3, 4]]), (name, moment)
            assert not state[moment][3:].any() and len(state[moment]) == 5
