"""Neighbors follow the torso alike: against all pairs, and in both trainings."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.stages import STATIC
from unigs.model.gaussians import Gaussians
from unigs.model.storage import load_portrait, save_portrait
from unigs.settings.dynamic import DynamicSettings
from unigs.subject.dataset import Dataset
from unigs.train.anchor_smoothness import NEIGHBORS, AnchorSmoothness, nearest
from unigs.train.dynamic import DynamicTask
from unigs.train.static import StaticTask

CPU = torch.device("cpu")
WEIGHT = 0.5
FREE = replace(STATIC, lambda_anchor=0.0)
DYNAMIC = DynamicSettings(
    iterations=60, grid_levels=4, grid_finest=32, gaussian_lr=1.0, lambda_lpips=0.0, device="cpu"
)


def field_of(count: int) -> Gaussians:
    """Gaussians at random places, of random opacities and anchors."""
    torch.manual_seed(0)
    points = torch.rand(count, 3)
    radii, colors = torch.full((count,), 0.01), torch.rand(count, 3)
    field = Gaussians.from_points(points, radii, colors, 0, anchors=torch.randn(count))
    field.opacities.data = torch.randn(count)
    return field


def test_neighbors_are_the_nearest_others():
    points = field_of(300).means.detach()
    distances = torch.cdist(points.double(), points.double())
    distances.fill_diagonal_(torch.inf)
    assert torch.equal(nearest(points), distances.topk(NEIGHBORS, largest=False).indices)


def test_none_is_its_own_neighbor_where_many_lie_on_one_point():
    points = torch.cat([torch.zeros(30, 3), torch.ones(30, 3), torch.rand(1, 3)])
    found = nearest(points)
    assert found.shape == (61, NEIGHBORS)
    assert not (found == torch.arange(61)[:, None]).any()
    assert (found[:30] < 30).all() and ((found[30:60] >= 30) & (found[30:60] < 60)).all()


def test_a_training_that_went_astray_is_left_to_its_guard():
    assert nearest(torch.full((20, 3), torch.nan)).shape == (20, NEIGHBORS)


def test_over_the_turns_the_loss_is_the_mean_over_all_pairs():
    field = field_of(200)
    smoothness = AnchorSmoothness(WEIGHT)
    found = np.mean([smoothness.loss(field, step).item() for step in range(NEIGHBORS)])
    anchors, opacities = (x.detach().double().sigmoid() for x in (field.anchors, field.opacities))
    terms, turns = [], nearest(field.means).T.tolist()
    for neighbors in turns:
        above = below = 0.0
        for i, j in enumerate(neighbors):
            seen = opacities[i] * opacities[j]
            above += seen * abs(anchors[i] - anchors[j])
            below += seen
        terms.append(float(above / below))
    assert found == pytest.approx(WEIGHT * np.mean(terms), rel=1e-4)


def test_it_pulls_weights_together_and_nothing_else():
    field = field_of(200)
    smoothness = AnchorSmoothness(WEIGHT)
    adam, spread = torch.optim.Adam([field.anchors], 0.02), field.anchors.sigmoid().std().item()
    for step in range(300):
        adam.zero_grad()
        smoothness.loss(field, step).backward()
        adam.step()
    assert field.anchors.sigmoid().std().item() < 0.3 * spread
    assert all(p.grad is None for name, p in field.present().items() if name != "anchors")


def spread(field: Gaussians) -> float:
    """Mean difference of the anchors of neighbors."""
    weights = field.anchors.detach().sigmoid()
    return float((weights[:, None] - weights[nearest(field.means)]).abs().mean())


def test_both_stages_smooth_the_anchors_of_a_portrait(files, tmp_path):
    settings = replace(STATIC, lambda_anchor=10.0)
    free, held = (StaticTask(Dataset(files), own, CPU) for own in (FREE, settings))
    for step in range(60):  # two densifications
        assert "anchor" not in free.step(step)
        assert held.step(step)["anchor"] > 0
    assert len(held.portrait.gaussians) > STATIC.points
    assert spread(held.portrait.gaussians) < 0.85 * spread(free.portrait.gaussians)
    free.portrait.meta = {"static": {"settings": {"anchor": True, "lambda_anchor": 10.0}}}
    save_portrait(free.portrait, tmp_path / "portrait.safetensors")
    portrait = load_portrait(tmp_path / "portrait.safetensors")
    before = spread(portrait.gaussians)
    task = DynamicTask(Dataset(files), portrait, DYNAMIC, CPU)
    for step in range(20):
        assert task.step(step)["anchor"] > 0
    assert spread(portrait.gaussians) < 0.95 * before


def test_at_the_cap_neighbors_are_those_of_the_renumbered_field(files):
    """Density control prunes and adds as many: no count tells that numbers are others'."""
    settings = replace(STATIC, max_gaussians=STATIC.points, densify_gradient=0.0)
    task = StaticTask(Dataset(files), settings, CPU)
    field = task.portrait.gaussians
    for step in range(settings.densify_from):
        task.step(step)
    field.opacities.data[:40] = -10.0
    stale = nearest(field.means)
    task.step(settings.densify_from)
    assert len(field) == STATIC.points
    current = nearest(field.means)
    assert (current != stale).any(1).float().mean() > 0.5
    task.step(settings.densify_from + 1)
    assert torch.equal(task.smoothness.neighbors[0], current)


def test_every_layer_has_its_own_and_none_is_asked_for_without_an_anchor(files):
    portrait = StaticTask(Dataset(files), STATIC, CPU).portrait
    assert AnchorSmoothness.of(portrait, FREE) is None
    assert AnchorSmoothness.of(portrait, replace(STATIC, lambda_anchor=1.0, anchor=False)) is None
    assert len(AnchorSmoothness.of(portrait, STATIC).neighbors) == 1
    both, alone = AnchorSmoothness(WEIGHT, 2), [AnchorSmoothness(WEIGHT) for _ in range(2)]
    fields = field_of(200), field_of(60)
    for step in range(5):
        for number, field in enumerate(fields):
            expected = alone[number].loss(field, step)
            assert both.loss(field, step, number).item() == pytest.approx(expected.item())
