"""Playback, projection against gsplat's torch functions, and what compilers make of the loops."""

import gc
import importlib.util
import math
import platform
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from numba import float32, uint64

from tests.support.clouds import cloud
from unigs.compute import threads
from unigs.compute.jit import lane_loop
from unigs.render import blend_kernels, harmonics, record_kernels, tiles
from unigs.render.cpu import PlaybackRasterizer, Project
from unigs.render.rasterize import rasterize
from unigs.render.tiles import TileList, lend

ARRAYS = ("means", "quats", "scales", "opacities", "colors", "viewmat", "K", "background")


def play(renderer, scene):
    """Render a scene of tensors."""
    return renderer.render(**{k: scene[k].numpy() for k in ARRAYS})


@pytest.fixture(scope="module")
def gsplat_torch():
    """gsplat's torch functions, without importing the package (which may start a CUDA build)."""
    spec = importlib.util.find_spec("gsplat")
    if spec is None:
        pytest.skip("gsplat is not installed")
    path = Path(spec.submodule_search_locations[0]) / "cuda" / "_torch_impl.py"
    spec = importlib.util.spec_from_file_location("gsplat_torch_functions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("restored_threads")
@pytest.mark.parametrize("count", [1, 2])
def test_playback_shows_what_rasterize_shows(count):
    threads.set_threads(count)
    renderer = PlaybackRasterizer(5000, 100, 75)
    for seed in range(3):  # buffers are used again, also after a frame with many more pairs
        scene = cloud(5000, 100, 75, seed=seed, sigma=1.0 + 2 * (seed == 1))
        image, alpha = play(renderer, scene)
        wanted, wanted_alpha, meta = rasterize(**scene)
        assert image.dtype == np.float32
        assert np.abs(image - wanted.numpy()).max() < 1e-6
        assert np.abs(alpha - wanted_alpha.numpy()).max() < 1e-6
        assert np.array_equal(renderer.radii, meta["radii"].numpy())


def test_playback_uses_the_same_memory_again():
    renderer = PlaybackRasterizer(200, 32, 32)
    first = play(renderer, cloud(200, 32, 32, seed=1))
    second = play(renderer, cloud(200, 32, 32, seed=2))
    assert first[0] is second[0]
    assert first[1] is second[1]


def test_playback_names_arrays_of_another_size():
    with pytest.raises(ValueError, match="for 10 Gaussians"):
        play(PlaybackRasterizer(10, 32, 32), cloud(11, 32, 32))


def test_lists_of_tiles_are_lent_to_one_image_at_a_time():
    first, second = lend(10, 20, 30), lend(10, 20, 30)
    assert first.tiles is not second.tiles
    kept = first.tiles
    del first
    assert lend(11, 20, 30).tiles is not kept
    again = lend(10, 20, 30)
    assert again.tiles is kept
    assert isinstance(second.tiles, TileList)


def test_an_image_that_nobody_needs_gives_its_memory_back():
    scene = cloud(77, 32, 32)
    scene["colors"].requires_grad_()
    lists = set()
    gc.disable()  # a reference cycle would keep it until the collector happens to run
    try:
        for _ in range(4):
            image, alpha, meta = rasterize(**scene)
            image.sum().backward()
            del image, alpha, meta
            lists.add(id(tiles._spare[-1]))
            assert tiles._spare[-1].n == 77
    finally:
        gc.enable()
    assert len(lists) == 1


def test_projection_and_its_gradient_equal_gsplats_torch_function(gsplat_torch):
    scene = cloud(400, 80, 60, seed=3)
    scene["scales"] *= torch.tensor([0.2, 1.0, 3.0])
    inputs = [scene[k].clone().requires_grad_() for k in ("means", "quats", "scales", "viewmat")]
    doubles = [t.detach().double().requires_grad_() for t in inputs]
    opaque = torch.ones(400)
    means2d, conics, depths, radii = Project.apply(
        *inputs[:3], opaque, inputs[3], scene["K"], 80, 60
    )
    covars, _ = gsplat_torch._quat_scale_to_covar_preci(*doubles[1:3], compute_preci=False)
    their_radii, *theirs, _ = gsplat_torch._fully_fused_projection(
        doubles[0], covars, doubles[3][None], scene["K"].double()[None], 80, 60
    )
    seen = radii[:, 0] > 0
    assert 100 < seen.sum() < 400
    # their box is 3.33 sigma for every opacity, ours 3.329 for opacity 1
    assert torch.equal(seen, their_radii[0, :, 0] > 0)
    difference = (radii - their_radii[0])[seen]
    assert ((difference <= 0) & (difference >= -1)).all()
    assert (difference == 0).float().mean() > 0.95
    total, their_total = 0.0, 0.0
    for ours, their in zip((means2d, depths, conics), theirs, strict=True):
        assert torch.allclose(ours[seen].double(), their[0][seen], rtol=1e-5, atol=1e-5)
        weight = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
        total = total + (ours * weight)[seen].sum()
        their_total = their_total + (their[0] * weight.double())[seen].sum()
    total.backward()
    their_total.backward()
    for ours, their in zip(inputs, doubles, strict=True):
        assert (ours.grad - their.grad).norm() <= 1e-5 * their.grad.norm()


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_spherical_harmonics_equal_gsplats(gsplat_torch, degree):
    g = torch.Generator().manual_seed(degree)
    directions = torch.randn(200, 3, generator=g, dtype=torch.float64)
    coefficients = torch.randn(200, 16, 3, generator=g, dtype=torch.float64)
    wanted = gsplat_torch._spherical_harmonics(degree, directions, coefficients)
    unit = torch.nn.functional.normalize(directions, dim=-1)
    values = harmonics.basis(unit, degree)
    ours = (values[..., None] * coefficients[:, : values.shape[1]]).sum(dim=1)
    assert torch.allclose(ours, wanted, atol=1e-12)


def test_spherical_harmonics_are_orthonormal():
    # Gauss-Legendre in z and equal steps in longitude integrate degree 6 exactly
    z, weight = np.polynomial.legendre.leggauss(8)
    longitude = np.arange(16) * 2 * math.pi / 16
    z, longitude = np.meshgrid(z, longitude, indexing="ij")
    r = np.sqrt(1 - z**2)
    points = np.stack([r * np.cos(longitude), r * np.sin(longitude), z], axis=-1).reshape(-1, 3)
    values = harmonics.basis(torch.from_numpy(points), 3).numpy()
    weights = np.repeat(weight, 16) * 2 * math.pi / 16
    assert np.allclose(values.T @ (weights[:, None] * values), np.eye(16), atol=1e-12)


def test_harmonics_have_the_signs_of_gaussian_splatting_files():
    """The constant first; of degree 1 the three grow towards -y, z and -x (gsplat's order)."""
    axes = torch.eye(3, dtype=torch.float64)
    values, step = harmonics.basis(axes, 1), math.sqrt(3 / (4 * math.pi))
    expected = torch.tensor([[0, 0, -step], [-step, 0, 0], [0, step, 0]], dtype=torch.float64)
    torch.testing.assert_close(values[:, 1:], expected)
    assert values[:, 0].tolist() == [math.sqrt(1 / (4 * math.pi))] * 3


def test_unknown_degrees_are_refused():
    with pytest.raises(ValueError, match="degree 0 to 3"):
        harmonics.basis(torch.ones(1, 3), 4)


reads_assembly = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="reads x86 assembly"
)


@reads_assembly
@pytest.mark.parametrize(
    ("module", "name", "arguments", "least"),
    [
        (blend_kernels, "_blend_lanes", (float32[::1], uint64, *[float32] * 10), 10),
        (
            blend_kernels,
            "_gradient_lanes",
            (float32[::1], uint64, float32[::1], *[float32] * 10),
            20,
        ),
        (
            record_kernels,
            "block_spans",
            (float32[::1], float32[:, ::1], uint64, *[float32] * 3),
            5,
        ),
    ],
)
def test_the_inner_loop_is_vector_code(module, name, arguments, least):
    """The lanes must become packed arithmetic; scalar products mean four times slower.

    The gradient's scalar loop stays in its machine code, for arrays that overlap.
    """
    loop = lane_loop(getattr(module, name).py_func)
    loop.compile(arguments)
    (assembly,) = loop.inspect_asm().values()
    products = r"\bv?(?:mul|div|min|fn?m(?:add|sub)\w*)"
    packed = re.findall(rf"{products}ps\b", assembly)
    scalar = re.findall(rf"{products}ss\b", assembly)
    assert len(packed) >= least
    assert not scalar or name == "_gradient_lanes"


@reads_assembly
def test_sums_are_added_up_as_vectors():
    """Sixteen lanes of nine sums: one by one they are 144 additions, and a seventh of the time."""
    loop = lane_loop(blend_kernels._lane_totals.py_func)
    loop.compile((float32[::1],))
    (assembly,) = loop.inspect_asm().values()
    packed, scalar = (len(re.findall(rf"\bv?add{kind}\b", assembly)) for kind in ("ps", "ss"))
    assert packed >= 9 and scalar <= 2 * 9
