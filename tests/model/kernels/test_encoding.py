"""Tri-plane encoding: the kernels against an interpolation written point by point in float64."""

import math

import numpy as np
import pytest
import torch

from tests.support.planes import VARIANTS, scene
from unigs.compute import threads
from unigs.model.kernels.encoding import encode
from unigs.model.kernels.encoding_torch import encode_torch
from unigs.model.kernels.levels import LevelTable, levels


def vertex(level_table: LevelTable, level: int, x: int, y: int) -> int:
    """Entry of one vertex, with Python's unbounded integers and the hash in 32 bits."""
    r, size = int(level_table.resolutions[level]), int(level_table.sizes[level])
    if (r + 1) ** 2 <= size:
        entry = x + y * (r + 1)
    else:
        entry = (x ^ (y * 2654435761 % 2**32)) % size
    return entry + int(level_table.offsets[level])


def encode_one(point, tables, level_table):
    """Encoding of one point from the definition: bilinear, by plane, level and feature."""
    out = []
    for plane, (i, j) in enumerate(((0, 1), (1, 2), (0, 2))):
        for level, r in enumerate(level_table.resolutions.tolist()):
            x, y = (min(max(float(point[k]), 0.0), 1.0) * r for k in (i, j))
            cx, cy = min(math.floor(x), r - 1), min(math.floor(y), r - 1)
            value = 0.0
            for dx in (0, 1):
                for dy in (0, 1):
                    weight = (x - cx if dx else 1 - x + cx) * (y - cy if dy else 1 - y + cy)
                    entry = vertex(level_table, level, cx + dx, cy + dy)
                    value = value + weight * tables[plane, entry]
            out.append(value)
    return np.concatenate(out)


@pytest.mark.parametrize("variant", VARIANTS)
def test_values_match_the_definition(variant):
    points, tables, level_table = scene(70, *variant)
    border = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.5], [-0.3, 1.2, 7.0]])
    points = torch.cat([points, border])
    expected = np.stack([encode_one(p, tables.double().numpy(), level_table) for p in points])
    encoded = encode(points, tables, level_table)
    assert encoded.shape == (len(points), 3 * variant[0] * variant[1])
    np.testing.assert_allclose(encoded, expected, atol=5e-5)
    exact = encode_torch(points.double(), tables.double(), level_table)
    np.testing.assert_allclose(exact, expected, atol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_match_float64(variant):
    points, tables, level_table = scene(150, *variant)
    weights = torch.randn(len(points), 3 * variant[0] * variant[1])
    p, t = points.clone().requires_grad_(), tables.clone().requires_grad_()
    (encode(p, t, level_table) * weights).sum().backward()
    p64, t64 = points.double().requires_grad_(), tables.double().requires_grad_()
    (encode_torch(p64, t64, level_table) * weights).sum().backward()
    np.testing.assert_allclose(t.grad, t64.grad, atol=1e-5 * float(t64.grad.abs().max()))
    np.testing.assert_allclose(p.grad, p64.grad, atol=1e-5 * float(p64.grad.abs().max()))


@pytest.mark.parametrize("zeros", [0, 100, 200])
def test_faded_features_and_their_gradients_match_float64(zeros):
    """Whether whole blocks have no features, parts of them, or none."""
    points, tables, level_table = scene(200, 5, 2, 8)
    fade = torch.rand(200, generator=torch.Generator().manual_seed(1))
    fade[:zeros] = 0
    weights = torch.randn(200, 3 * 5 * 2)
    t, t64 = tables.clone().requires_grad_(), tables.double().requires_grad_()
    encoded = encode(points, t, level_table, fade)
    exact = encode_torch(points.double(), t64, level_table) * fade.double()[:, None]
    np.testing.assert_allclose(encoded.detach(), exact.detach(), atol=1e-5)
    assert (encoded[:zeros] == 0).all()
    (encoded * weights).sum().backward()
    (exact * weights).sum().backward()
    np.testing.assert_allclose(t.grad, t64.grad, atol=1e-5 * float(t64.grad.abs().max()))
    twin = encode_torch(points, tables, level_table, fade)
    np.testing.assert_allclose(twin, exact.detach(), atol=1e-5)


def test_a_fade_that_does_not_fit_is_named():
    points, tables, level_table = scene(9, 5, 2, 8)
    with pytest.raises(ValueError, match=r"fade must be \[9\]"):
        encode(points, tables, level_table, torch.ones(8))
    with pytest.raises(ValueError, match="points a constant"):
        encode(points.requires_grad_(), tables, level_table, torch.ones(9))


def test_twin_passes_gradcheck():
    level_table = levels(2, 2, 4, 4)  # the finer level has 25 vertices for 16 entries
    points = torch.tensor([[0.13, 0.42, 0.9], [0.61, 0.03, 0.33], [0.87, 0.7, 0.55]])
    tables = torch.randn(3, level_table.entries, 2, generator=torch.Generator().manual_seed(7))
    inputs = (points.double().requires_grad_(), tables.double().requires_grad_())
    twin = lambda p, t: encode_torch(p, t, level_table)  # noqa: E731
    assert torch.autograd.gradcheck(twin, inputs, fast_mode=True)


@pytest.mark.parametrize("features", [1, 2, 4])
def test_a_plane_that_is_a_ramp_encodes_the_coordinate(features):
    """Dense levels interpolate a linear function exactly: value x or y, gradient 1 or 0."""
    level_table = levels(5, 4, 32, 17)
    tables = torch.zeros(3, level_table.entries, features)
    for level, r in enumerate(level_table.resolutions.tolist()):
        ramp = torch.arange(r + 1) / r
        start = int(level_table.offsets[level])
        tables[0, start : start + (r + 1) ** 2] = ramp.repeat(r + 1)[:, None]  # XY: x
        tables[1, start : start + (r + 1) ** 2] = ramp.repeat_interleave(r + 1)[:, None]  # YZ: z
        tables[2, start : start + (r + 1) ** 2] = ramp.repeat(r + 1)[:, None]  # XZ: x
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(4)).requires_grad_()
    columns = encode(points, tables, level_table).reshape(200, 3, 5, features)
    for plane, axis in ((0, 0), (1, 2), (2, 0)):
        expected = points[:, axis, None, None].expand(-1, 5, features)
        torch.testing.assert_close(columns[:, plane], expected, atol=1e-6, rtol=0)
    columns.sum().backward()
    per_axis = torch.tensor([10.0 * features, 0.0, 5.0 * features])
    torch.testing.assert_close(points.grad, per_axis.expand(200, 3), atol=2e-4, rtol=0)


def test_the_border_belongs_to_the_box_and_outside_is_clamped():
    _, tables, level_table = scene(1, 12, 2, 17)
    inner = torch.tensor([[0.0, 1.0, 0.3]])
    outer = torch.tensor([[-0.5, 1.8, 0.3]])
    assert torch.equal(encode(inner, tables, level_table), encode(outer, tables, level_table))
    inner.requires_grad_()
    outer.requires_grad_()
    encode(inner, tables, level_table).square().sum().backward()
    encode(outer, tables, level_table).square().sum().backward()
    assert (inner.grad != 0).all()
    assert torch.equal(outer.grad[0, :2], torch.zeros(2))
    assert outer.grad[0, 2] == inner.grad[0, 2]


def test_corners_of_the_box_read_the_corner_vertices():
    level_table = levels(3, 2, 8, 17)
    tables = torch.randn(3, level_table.entries, 1, generator=torch.Generator().manual_seed(5))
    encoded = encode(torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), tables, level_table)
    first = level_table.offsets
    last = first + level_table.sizes - 1
    assert torch.equal(encoded[0], tables[:, first, 0].flatten())
    torch.testing.assert_close(encoded[1], tables[:, last, 0].flatten(), atol=1e-6, rtol=0)


def test_weights_of_a_point_sum_to_one():
    points, _, level_table = scene(90, 12, 2, 9)
    tables = torch.full((3, level_table.entries, 2), 3.0)
    encoded = encode(points, tables, level_table)
    torch.testing.assert_close(encoded, torch.full_like(encoded, 3.0), atol=1e-5, rtol=0)


def test_gradient_of_a_table_keeps_the_sum():
    """Bilinear weights sum to 1, so a level's table gradient sums to that of its column."""
    points, tables, level_table = scene(130, 4, 2, 9)
    tables.requires_grad_()
    weights = torch.randn(len(points), 3, 4, 2, generator=torch.Generator().manual_seed(6))
    (encode(points, tables, level_table) * weights.flatten(1)).sum().backward()
    for level in range(4):
        start = int(level_table.offsets[level])
        part = tables.grad[:, start : start + int(level_table.sizes[level])].sum(1)
        torch.testing.assert_close(part, weights[:, :, level].sum(0), atol=1e-3, rtol=0)


@pytest.mark.usefixtures("restored_threads")
def test_threads_do_not_change_a_bit():
    points, tables, level_table = scene(1500, 12, 2, 10)
    results = []
    for count in (1, 2):
        threads.set_threads(count)
        p, t = points.clone().requires_grad_(), tables.clone().requires_grad_()
        encoded = encode(p, t, level_table)
        encoded.square().sum().backward()
        results.append((encoded.detach(), p.grad, t.grad))
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_levels_grow_from_base_to_finest():
    level_table = levels(12, 16, 512, 14)
    assert level_table.resolutions[0] == 16 and level_table.resolutions[-1] == 512
    assert (np.diff(level_table.resolutions) > 0).all()
    assert level_table.entries == level_table.offsets[-1] + level_table.sizes[-1]
    assert (level_table.sizes <= 2**14).all() and level_table.hashed[-1]
    assert (level_table.sizes[~level_table.hashed] >= 17**2).all()
    ratio = level_table.resolutions[1:] / level_table.resolutions[:-1]
    assert np.allclose(ratio, 32 ** (1 / 11), rtol=0.06)
    assert levels(1, 16, 16, 17).resolutions.tolist() == [16]


def test_no_points():
    _, tables, level_table = scene(1, 3, 2, 9)
    empty = torch.empty(0, 3, requires_grad=True)
    tables.requires_grad_()
    encode(empty, tables, level_table).sum().backward()
    assert empty.grad.shape == (0, 3) and not tables.grad.any()


def test_wrong_arguments_are_named():
    points, tables, level_table = scene(3, 3, 2, 9)
    with pytest.raises(ValueError, match=r"points must be \[N,3\]"):
        encode(points[:, :2], tables, level_table)
    with pytest.raises(ValueError, match="tables must be"):
        encode(points, tables[:, :-1], level_table)
    with pytest.raises(ValueError, match="F must be one of"):
        encode(points, tables.repeat(1, 1, 2)[:, :, :3], level_table)
    with pytest.raises(ValueError, match="float32"):
        encode(points.double(), tables.double(), level_table)
    with pytest.raises(ValueError, match="base <= finest"):
        levels(3, 16, 8, 17)
