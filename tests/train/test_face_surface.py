"""Where a Gaussian of the head may lie, against planes and through both trainings."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.stages import STATIC
from unigs.model.gaussians import Gaussians
from unigs.model.storage import load_portrait, save_portrait
from unigs.settings.dynamic import DynamicSettings
from unigs.subject.dataset import Dataset
from unigs.train.dynamic import DynamicTask
from unigs.train.face_surface import FaceSurface
from unigs.train.static import StaticTask

CPU = torch.device("cpu")
MARGIN = 0.005
DYNAMIC = DynamicSettings(
    iterations=60, grid_levels=4, grid_finest=32, gaussian_lr=30.0, lambda_lpips=0.0, device="cpu"
)


def plane(slope: float) -> np.ndarray:
    """A square mesh of 20 cm whose depth rises by `slope` per meter of x."""
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(-0.1, 0.1, 20)] * 2))
    return np.stack([x, y, 0.02 + slope * x], 1)


def field_of(points: torch.Tensor) -> Gaussians:
    return Gaussians.from_points(
        points, torch.full((len(points),), 0.01), torch.rand(len(points), 3), 0
    )


@pytest.mark.parametrize("slope", [0.0, 0.75, -2.0])
def test_in_front_of_a_plane_none_is_farther_away_than_the_margin(slope):
    torch.manual_seed(0)
    points = (torch.rand(2000, 3) - 0.5) * torch.tensor([0.19, 0.19, 0.6])
    field = field_of(points)
    FaceSurface(plane(slope), MARGIN, CPU).hold(field)
    held = field.means.detach()
    assert torch.equal(held[:, :2], points[:, :2])

    def before(x: torch.Tensor) -> torch.Tensor:
        """Distance of points in front of the plane, at right angles to it."""
        return (0.02 + slope * x[:, 0] - x[:, 2]) / (1 + slope**2) ** 0.5

    # The map has cells of 1.6 mm: half of one, along the slope.
    tolerance = 1e-6 + 0.0008 * abs(slope) / (1 + slope**2) ** 0.5
    far = before(points) > MARGIN + tolerance
    assert 500 < far.sum() < 1500
    torch.testing.assert_close(
        before(held)[far], torch.full_like(held[far, 0], MARGIN), atol=tolerance, rtol=0
    )
    near = before(points) < MARGIN - tolerance
    assert torch.equal(held[near], points[near])


def test_beside_the_face_hair_hangs_where_it_hangs():
    points = torch.tensor(
        [[0.11, 0.0, -0.3], [0.0, -0.12, -0.3], [-5.0, 7.0, -0.3], [0.0, 0.0, -0.3]]
    )
    field = field_of(points)
    FaceSurface(plane(0.0), MARGIN, CPU).hold(field)
    assert torch.equal(field.means.detach()[:3], points[:3])
    assert float(field.means.detach()[3, 2]) == pytest.approx(0.02 - MARGIN)


def test_a_training_that_went_astray_is_left_to_its_guard():
    points = torch.tensor([[torch.nan, 0.0, -0.3], [0.0, torch.inf, -0.3], [-1e30, 0.0, -0.3]])
    field = field_of(torch.rand(3, 3))
    field.means.data.copy_(points)
    FaceSurface(plane(0.0), MARGIN, CPU).hold(field)
    torch.testing.assert_close(field.means.detach(), points, equal_nan=True, rtol=0, atol=0)


def worst(task) -> float:
    """How far a Gaussian of the head lies beyond the margin in front of the face, meters."""
    surface = FaceSurface(task.dataset.poses.shape, MARGIN, CPU)
    means = task.portrait.gaussians.means.detach()
    return float((surface.least_depth(means) - means[:, 2]).max())


def test_both_stages_keep_to_the_margin_of_the_portrait(files, tmp_path):
    settings = replace(STATIC, face_margin=MARGIN)
    free, held = StaticTask(Dataset(files), STATIC, CPU), StaticTask(Dataset(files), settings, CPU)
    for step in range(60):  # two densifications
        free.step(step)
        held.step(step)
    assert len(held.portrait.gaussians) > STATIC.points
    assert worst(free) > MARGIN
    assert worst(held) <= 0
    held.portrait.meta = {"static": {"settings": {"face_margin": MARGIN}}}
    save_portrait(held.portrait, tmp_path / "portrait.safetensors")
    portrait = load_portrait(tmp_path / "portrait.safetensors")
    task = DynamicTask(Dataset(files), portrait, DYNAMIC, CPU)
    before = portrait.gaussians.means.detach().clone()
    for step in range(5):
        task.step(step)
    assert not torch.equal(portrait.gaussians.means.detach(), before)
    assert worst(task) <= 0
    task.surface = None
    for step in range(5):
        task.step(step)
    assert worst(task) > 0
