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
from unigs.train.face_surface import INSIDE_HEAD, DepthRule, FaceSurface, SkinRule, surface_of
from unigs.train.static import StaticTask

CPU = torch.device("cpu")
MARGIN = 0.005
DEPTH = 0.002
ASPECT = 1.5
HELD = {"face_margin": MARGIN, "face_depth": DEPTH, "face_aspect": ASPECT}
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


@pytest.mark.parametrize("slope", [0.0, 0.75, -2.0])
def test_behind_a_plane_what_belongs_to_the_face_is_near(slope):
    torch.manual_seed(0)
    x, y = (torch.rand(4000) - 0.5) * 0.24, (torch.rand(4000) - 0.5) * 0.19
    points = torch.stack([x, y, slope * x + 0.02 + torch.rand(4000) * 0.06], 1)
    field = field_of(points)
    FaceSurface(plane(slope), MARGIN, CPU, behind=DepthRule(DEPTH)).hold(field)
    held = field.means.detach()
    assert torch.equal(held[:, :2], points[:, :2])
    along, half_cell = points[:, 2] - slope * points[:, 0] - 0.02, 0.0008 * abs(slope) + 1e-6
    deepest = DEPTH * (1 + slope**2) ** 0.5
    face = (points[:, 0].abs() < 0.099) & (along < INSIDE_HEAD - half_cell)
    other = (points[:, 0].abs() > 0.101) | (along > INSIDE_HEAD + half_cell)
    deep, near = face & (along > deepest + half_cell), face & (along < deepest - half_cell)
    assert deep.sum() > 500 and near.sum() > 50 and other.sum() > 500
    after = held[:, 2] - slope * held[:, 0] - 0.02
    torch.testing.assert_close(
        after[deep], torch.full_like(after[deep], deepest), atol=half_cell, rtol=0
    )
    assert torch.equal(held[near | other], points[near | other])


def test_what_lies_behind_lips_stays_there():
    mesh = plane(0.0)
    x = torch.linspace(-0.09, 0.09, 60)
    points = torch.stack([x, torch.zeros(60), torch.full((60,), 0.04)], 1)
    field = field_of(points)
    FaceSurface(mesh, MARGIN, CPU, behind=DepthRule(DEPTH, mesh[:, 0] < 0)).hold(field)
    z = field.means.detach()[:, 2]
    assert (z[x > 0.011] == 0.04).all()  # a cell of the mesh is 10.5 mm wide
    torch.testing.assert_close(z[x < -0.011], torch.full((26,), 0.02 + DEPTH))


def test_beside_the_face_hair_hangs_where_it_hangs():
    points = torch.tensor(
        [[0.11, 0.0, -0.3], [0.0, -0.12, -0.3], [-5.0, 7.0, -0.3], [0.0, 0.0, -0.3]]
    )
    field = field_of(points)
    FaceSurface(plane(0.0), MARGIN, CPU).hold(field)
    assert torch.equal(field.means.detach()[:3], points[:3])
    assert float(field.means.detach()[3, 2]) == pytest.approx(0.02 - MARGIN)


def test_a_training_that_went_astray_is_left_to_its_guard():
    nan, inf = torch.nan, torch.inf
    points = [[nan, 0.0, -0.3], [0.0, inf, -0.3], [-1e30, 0.0, -0.3], [0.0, 0.0, nan]]
    points = torch.tensor(points)
    field = field_of(torch.rand(4, 3))
    field.means.data.copy_(points)
    FaceSurface(plane(0.0), MARGIN, CPU, SkinRule(ASPECT), DepthRule(DEPTH)).hold(field)
    torch.testing.assert_close(field.means.detach(), points, equal_nan=True, rtol=0, atol=0)


def needles(points: torch.Tensor) -> Gaussians:
    """Gaussians whose axes differ by a factor of up to e^6."""
    field = field_of(points)
    field.log_scales.data.copy_(torch.rand(len(points), 3) * 6 - 9)
    return field


def ranges(log_scales: torch.Tensor) -> torch.Tensor:
    """Longest over shortest axis [N]."""
    return (log_scales.amax(1) - log_scales.amin(1)).exp()


@pytest.mark.parametrize("aspect", [1.0, 4.0])
def test_no_needle_lies_in_the_skin(aspect):
    torch.manual_seed(0)
    x = (torch.rand(2000) - 0.5) * 0.24  # beside the mesh of 20 cm, too
    z = torch.rand(2000) * 0.08 - 0.01
    field = needles(torch.stack([x, torch.zeros(2000), z], 1))
    before = field.log_scales.detach().clone()
    FaceSurface(plane(0.0), MARGIN, CPU, SkinRule(aspect)).hold(field)
    after = field.log_scales.detach()
    skin = (x.abs() < 0.099) & (z < 0.02 + INSIDE_HEAD - 1e-6)
    other = (x.abs() > 0.101) | (z > 0.02 + INSIDE_HEAD + 1e-6)
    assert torch.equal(after[other], before[other]) and (ranges(before[other]) > 4).any()
    wide = ranges(before) > aspect
    thin, round_enough = skin & wide, skin & ~wide
    assert thin.sum() > 400
    assert torch.equal(after[round_enough], before[round_enough])
    torch.testing.assert_close(ranges(after[thin]), torch.full((int(thin.sum()),), aspect))
    middle = [(x.amax(1) + x.amin(1))[thin] for x in (before, after)]
    torch.testing.assert_close(*middle)
    longest = after.gather(1, before.argmax(1, keepdim=True))[:, 0]
    assert torch.equal(longest[thin], after[thin].amax(1))


def test_what_is_not_bare_skin_stays_thin():
    mesh = plane(0.0)
    x = torch.linspace(-0.09, 0.09, 60)
    field = needles(torch.stack([x, torch.zeros(60), torch.full((60,), 0.02)], 1))
    before = field.log_scales.detach().clone()
    FaceSurface(mesh, MARGIN, CPU, SkinRule(1.5, mesh[:, 0] < 0, 0.001)).hold(field)
    after = field.log_scales.detach()
    strand = x > 0.011  # a cell of the mesh is 10.5 mm wide
    assert torch.equal(after[strand], before[strand])
    assert (ranges(after[x < -0.011]) < 1.501).all()


def test_nothing_in_the_skin_is_smaller_than_a_pixel():
    torch.manual_seed(0)
    points = torch.tensor([[0.0, 0.0, 0.02], [0.0, 0.0, 0.06]]).repeat_interleave(500, 0)
    field = needles(points)
    before = field.log_scales.detach().clone()
    FaceSurface(plane(0.0), MARGIN, CPU, SkinRule(4.0, smallest=0.002)).hold(field)
    skin, behind = field.log_scales.detach().exp().split(500)
    assert skin.min() > 0.002 - 1e-7 and ranges(skin.log()).max() < 4.001
    assert torch.equal(behind, before[500:].exp())
    large = (before[:500] > np.log(0.002)).all(1) & (ranges(before[:500]) < 4)
    assert large.sum() > 5 and torch.equal(skin[large], before[:500][large].exp())


def worst(task) -> float:
    """How far a Gaussian of the head lies beyond the margin in front of the face, meters."""
    surface = FaceSurface(task.dataset.poses.shape, MARGIN, CPU)
    means = task.portrait.gaussians.means.detach()
    return float((surface.limit.take(surface.maps.cells(means)) - means[:, 2]).max())


def deep(task) -> int:
    """Gaussians of the face that lie far behind a part of the mesh that hides them."""
    surface = surface_of(task.dataset, replace(STATIC, **HELD), CPU)
    means = task.portrait.gaussians.means.detach()
    cells = surface.maps.cells(means)
    inside = means[:, 2] < surface.closed.take(cells)
    return int((inside & (means[:, 2] > surface.deepest.take(cells))).sum())


def thinnest(task) -> float:
    """Longest over shortest axis of the thinnest Gaussian in the skin."""
    surface = surface_of(task.dataset, replace(STATIC, **HELD), CPU)
    field = task.portrait.gaussians
    means = field.means.detach()
    skin = means[:, 2] < surface.skin.take(surface.maps.cells(means))
    assert skin.sum() > 20
    return float(ranges(field.log_scales.detach()[skin]).max())


def keeps(task) -> bool:
    """Whether the field of a task obeys all the rules of the surface."""
    return worst(task) <= 0 and thinnest(task) <= ASPECT + 1e-5 and deep(task) == 0


def test_both_stages_keep_to_the_surface_of_the_portrait(files, tmp_path):
    settings = replace(STATIC, **HELD)
    free, held = StaticTask(Dataset(files), STATIC, CPU), StaticTask(Dataset(files), settings, CPU)
    for step in range(60):  # two densifications
        free.step(step)
        held.step(step)
    assert len(held.portrait.gaussians) > STATIC.points
    assert worst(free) > MARGIN and thinnest(free) > ASPECT and deep(free) > 10
    assert keeps(held)
    held.portrait.meta = {"static": {"settings": HELD}}
    save_portrait(held.portrait, tmp_path / "portrait.safetensors")
    portrait = load_portrait(tmp_path / "portrait.safetensors")
    task = DynamicTask(Dataset(files), portrait, DYNAMIC, CPU)
    before = portrait.gaussians.means.detach().clone()
    for step in range(5):
        task.step(step)
    assert not torch.equal(portrait.gaussians.means.detach(), before)
    assert keeps(task)
    task.surface = None
    for step in range(5):
        task.step(step)
    assert worst(task) > 0 and thinnest(task) > ASPECT + 1e-3 and deep(task) > 0


def test_each_rule_holds_by_itself_and_none_without_the_surface(files):
    def made(**rules: float) -> FaceSurface | None:
        return surface_of(Dataset(files), replace(STATIC, **rules), CPU)

    assert made(face_depth=DEPTH, face_aspect=ASPECT) is None
    margin, depth, aspect = (
        made(face_margin=MARGIN, **rule)
        for rule in ({}, {"face_depth": DEPTH}, {"face_aspect": ASPECT})
    )
    assert [(s.skin is None, s.closed is None) for s in (margin, depth, aspect)] == [
        (True, True),
        (True, False),
        (False, True),
    ]


def test_where_all_is_bare_no_place_is_missed(files):
    """Interpolated between ones, numbers may come out as .9999999."""
    surface = FaceSurface(Dataset(files).poses.shape, MARGIN, CPU, SkinRule(4.0))
    inside = surface.limit.isfinite()
    assert inside.sum() > 5000 and torch.equal(surface.skin.isfinite(), inside)
