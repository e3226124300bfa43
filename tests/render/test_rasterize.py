"""The CPU rasterizer against a dense float64 reference, closed forms and its own properties."""

import math

import numpy as np
import pytest
import torch

from tests.support import reference_rasterizer as reference
from tests.support.clouds import INPUTS, cloud, gradients
from unigs.compute import threads
from unigs.geometry.cameras import intrinsics, view_matrix
from unigs.render.rasterize import rasterize


@pytest.fixture(autouse=True)
def one_thread(restored_threads):
    """Start every test on one thread."""
    threads.set_threads(1)


def assert_same_image(image, wanted):
    """Equal up to rounding, but for rare pixels where rounding flips a threshold."""
    error = (image.double() - wanted).abs().amax(dim=-1, keepdim=True)
    assert torch.isfinite(image).all()
    assert torch.quantile(error, 0.999) < 1e-5
    assert error.max() < 0.02
    assert error.square().mean() < 1e-9  # PSNR above 90 dB
    return error < 1e-5


def compare(scene, gradient=2e-5):
    """Assert image and all gradients against the reference; return the reference's.

    A pixel where rounding decides the other way about a threshold (1/255, 1e-4) shows a slightly
    different function: such pixels, counted above, are left out of the gradients' functional.
    """
    with torch.no_grad():
        image, alpha, _ = rasterize(**scene)
        wanted, wanted_alpha = reference.render(
            **{k: v.double() if torch.is_tensor(v) else v for k, v in scene.items()}
        )
    mask = assert_same_image(image, wanted) & assert_same_image(alpha, wanted_alpha)
    _, _, grads = gradients(rasterize, scene, torch.float32, mask)
    _, _, wanted_grads = gradients(reference.render, scene, torch.float64, mask)
    for name in INPUTS:
        error = (grads[name].double() - wanted_grads[name]).norm()
        assert error <= gradient * wanted_grads[name].norm(), name
    return wanted, wanted_alpha, wanted_grads


@pytest.mark.parametrize(
    "scene",
    [
        cloud(),
        cloud(900, 72, 60, seed=3, sigma=1.2, spread=0.8),
        cloud(500, 70, 70, seed=4, sigma=4.0, spread=0.8),
        cloud(120, 1, 37, seed=5),
        cloud(250, 131, 17, seed=6),
    ],
    ids=["plain", "small", "large", "one_column", "wide"],
)
def test_image_and_gradients_equal_the_reference(scene):
    _, alpha, grads = compare(scene)
    assert alpha.max() > 0.5
    assert all(grads[name].norm() > 0 for name in INPUTS)


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 6, 7, 8])
def test_any_channel_count_equals_the_reference(channels):
    compare(cloud(150, 40, 36, seed=channels, channels=channels))


def test_gaussians_behind_the_camera_and_before_the_near_plane_are_left_out():
    scene = cloud(400, 65, 49, seed=7)
    scene["means"][:150, 2] -= 6
    scene["means"][150:200] = torch.tensor([0.0, 0.0, -2.035])
    _, _, grads = compare(scene)
    assert grads["means"][:150].abs().max() == 0
    meta = rasterize(**scene)[2]
    assert (meta["radii"][:200] == 0).all()
    assert (meta["radii"][200:] > 0).any()


def test_outside_the_frustum_the_jacobian_is_clamped():
    scene = cloud(300, 64, 48, seed=8)
    scene["means"][:, :2] *= 2.5
    scene["scales"] *= 4
    compare(scene)


def test_huge_gaussians_and_saturated_pixels():
    scene = cloud(300, 64, 64, seed=9)
    scene["scales"][:60] *= 40
    scene["opacities"][:60] = 0.97
    # where nothing shines through, the background's gradient is a sum of tiny numbers
    compare(scene, gradient=1e-4)


def test_needles():
    scene = cloud(300, 64, 64, seed=10)
    scene["scales"] *= torch.tensor([1e-6, 12.0, 1.0])
    compare(scene, gradient=2e-4)


def test_opacities_at_the_clamp_and_at_the_threshold():
    scene = cloud(300, 64, 64, seed=11)
    scene["opacities"][:100] = 0.9999
    scene["opacities"][100:150] = 1.0
    scene["opacities"][150:200] = 0.0035  # below 1/255
    scene["opacities"][200:250] = 0.0045
    _, _, grads = compare(scene)
    assert grads["opacities"][150:200].abs().max() == 0


def test_quaternions_need_not_be_normalised():
    scene = cloud(200, 48, 48, seed=12)
    scene["quats"] *= 10
    compare(scene)


def test_equal_depths_are_blended_in_index_order():
    scene = cloud(40, 32, 32, seed=13, sigma=3.0)
    scene["means"][:] = torch.tensor([0.02, 0.01, 0.0])
    compare(scene)
    first = rasterize(**scene)[0]
    scene["colors"] = scene["colors"].flip(0)
    assert (rasterize(**scene)[0] - first).abs().max() > 0.01


def test_nothing_visible_shows_the_background():
    scene = cloud(50, 33, 21, seed=14)
    scene["opacities"][:] = 0.001
    image, alpha, grads = gradients(rasterize, scene, torch.float32)
    assert torch.equal(image, scene["background"].expand(21, 33, 3))
    assert alpha.abs().max() == 0
    assert all(grads[k].abs().max() == 0 for k in INPUTS if k != "background")
    assert grads["background"].abs().min() > 0


def test_no_gaussians_at_all():
    scene = {k: v[:0] if k in INPUTS[:5] else v for k, v in cloud(4, 20, 10).items()}
    image, alpha, meta = rasterize(**scene)
    assert torch.equal(image, scene["background"].expand(10, 20, 3))
    assert alpha.sum() == 0
    assert meta["means2d"].shape == (0, 2)


def test_not_a_number_hides_a_gaussian_and_spoils_no_pixel():
    scene = cloud(60, 32, 32, seed=15)
    clean = {k: v[3:] if k in INPUTS[:5] else v for k, v in scene.items()}
    scene["means"][0] = math.nan
    scene["scales"][1] = math.inf
    scene["quats"][2] = 0
    image, _, meta = rasterize(**scene)
    assert (meta["radii"][:3] == 0).all()
    assert torch.equal(image, rasterize(**clean)[0])


def test_extreme_gaussians_stay_inside_the_image_memory():
    """Sizes from 1e-12 to 1e12 meters, some at the near plane, at every faintness."""
    g = torch.Generator().manual_seed(23)
    n = 3000
    scene = cloud(n, 37, 29, seed=23)
    scene["scales"] = 10.0 ** (24 * torch.rand(n, 3, generator=g) - 12)
    scene["means"][::3, 2] -= 1.985
    scene["opacities"][: n // 2] = 1 / 255 + 1e-6 * torch.rand(n // 2, generator=g)
    scene["opacities"][:500] = 1 / 255
    image, alpha, grads = gradients(rasterize, scene, torch.float32)
    assert torch.isfinite(image).all()
    assert ((alpha >= 0) & (alpha <= 1)).all()
    assert torch.isfinite(grads["colors"]).all()
    assert (rasterize(**scene)[2]["radii"] > 0).any()


def test_one_gaussian_against_the_closed_form():
    size, focal, depth, opacity = 21, 40.0, 2.0, 0.8
    scales = torch.tensor([0.3, 0.15, 0.2])
    color, background = torch.tensor([0.9, 0.5, 0.1]), torch.tensor([0.0, 0.25, 0.5])
    image, alpha, meta = rasterize(
        torch.zeros(1, 3), torch.tensor([[1.0, 0, 0, 0]]), scales[None], torch.tensor([opacity]),
        color[None], view_matrix(torch.eye(3), torch.tensor([0, 0, depth])),
        intrinsics(focal, size), size, size, background,
    )  # fmt: skip
    variance = (scales[:2] * focal / depth) ** 2 + 0.3
    d = torch.arange(size) - (size - 1) / 2
    sigma = 0.5 * (d[None] ** 2 / variance[0] + d[:, None] ** 2 / variance[1])
    wanted = opacity * torch.exp(-sigma)
    wanted = torch.where(wanted >= 1 / 255, wanted, 0)[..., None]
    assert torch.allclose(alpha, wanted, atol=2e-6)
    assert torch.allclose(image, wanted * color + (1 - wanted) * background, atol=2e-6)
    extent = math.sqrt(2 * math.log(255 * opacity))
    assert meta["radii"].tolist() == [[math.ceil(extent * v) for v in variance.sqrt().tolist()]]
    assert torch.allclose(meta["means2d"], torch.full((1, 2), size / 2))
    assert meta["depths"].item() == depth


def test_a_pixel_stops_before_transmittance_reaches_1e_4():
    n = 6
    opacities = torch.full((n,), 0.95)
    colors = torch.eye(n)[:, :n]
    image, alpha, _ = rasterize(
        torch.stack([torch.tensor([0, 0, 0.01 * k]) for k in range(n)]),
        torch.tensor([[1.0, 0, 0, 0]]).repeat(n, 1), torch.full((n, 3), 10.0), opacities, colors,
        view_matrix(torch.eye(3), torch.tensor([0, 0, 2.0])), intrinsics(30.0, 3), 3, 3,
    )  # fmt: skip
    # 0.05^3 = 1.25e-4 is left after three; the fourth would pass 1e-4 and is not drawn
    weights = [0.95 * 0.05**k for k in range(3)] + [0.0] * 3
    assert torch.allclose(image[1, 1], torch.tensor(weights), atol=1e-6)
    assert alpha[1, 1].item() == pytest.approx(1 - 0.05**3, abs=1e-6)


def test_screen_space_gradients_reach_densification():
    scene = cloud(100, 40, 40, seed=16)
    scene["means"].requires_grad_()
    image, _, meta = rasterize(**scene)
    meta["means2d"].retain_grad()
    ramp = torch.linspace(0, 1, 40)[None, :, None]
    (image * ramp).sum().backward()
    grad = meta["means2d"].grad
    assert grad.shape == (100, 2)
    # moving all Gaussians right by one pixel changes the functional as the gradient says
    shifted = scene | {"means": scene["means"].detach(), "K": scene["K"].clone()}
    values = []
    for step in (-0.01, 0.01):
        shifted["K"][0, 2] = scene["K"][0, 2] + step
        values.append((rasterize(**shifted)[0].double() * ramp).sum())
    assert grad[:, 0].sum().item() == pytest.approx((values[1] - values[0]).item() / 0.02, rel=0.02)


def test_depths_carry_gradients():
    scene = cloud(30, 24, 24, seed=17)
    scene["means"].requires_grad_()
    rasterize(**scene)[2]["depths"].sum().backward()
    seen = rasterize(**scene)[2]["radii"][:, 0] > 0
    assert torch.allclose(scene["means"].grad[seen], scene["viewmat"][2, :3].expand(seen.sum(), 3))


@pytest.mark.parametrize("channels", [3, 5])
def test_threads_and_repetition_change_no_bit(channels):
    scene = cloud(9001, 150, 90, seed=18, sigma=1.0, channels=channels)
    results = []
    for count in (1, 2, 3, 2):
        threads.set_threads(count)
        image, alpha, grads = gradients(rasterize, scene, torch.float32)
        results.append([image, alpha, *grads.values()])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_backward_can_run_twice():
    scene = cloud(100, 32, 32, seed=19)
    scene["colors"].requires_grad_()
    image, _, _ = rasterize(**scene)
    image.sum().backward(retain_graph=True)
    once = scene["colors"].grad.clone()
    image.sum().backward()
    assert torch.equal(scene["colors"].grad, 2 * once)


def test_two_images_before_one_backward():
    scenes = [cloud(100, 32, 32, seed=20), cloud(100, 48, 20, seed=21)]
    apart = [gradients(rasterize, s, torch.float32)[2]["means"] for s in scenes]
    leaves = [s["means"].clone().requires_grad_() for s in scenes]
    outputs = [rasterize(**(s | {"means": m})) for s, m in zip(scenes, leaves, strict=True)]
    total = 0
    for image, alpha, _ in outputs:
        g = torch.Generator().manual_seed(9)
        total = total + (image * torch.randn(image.shape, generator=g)).sum()
        total = total + (alpha * torch.randn(alpha.shape, generator=g)).sum()
    total.backward()
    for leaf, wanted in zip(leaves, apart, strict=True):
        assert torch.allclose(leaf.grad, wanted, rtol=1e-5, atol=1e-7 * wanted.abs().max())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colors": torch.rand(50, 9)}, "1 to 8 channels"),
        ({"quats": torch.rand(49, 4)}, "quats must have shape"),
        ({"means": torch.rand(50, 3).double()}, "means must be float32"),
        ({"background": torch.rand(4)}, "background must be"),
        ({"width": 0}, "at least one pixel"),
    ],
)
def test_arguments_that_do_not_fit_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        rasterize(**(cloud(50, 16, 16) | change))


def test_arrays_that_are_not_contiguous():
    scene = cloud(80, 32, 32, seed=22)
    wanted = rasterize(**scene)[0]
    scene["means"] = torch.stack([scene["means"], scene["means"]], dim=2)[..., 0]
    scene["colors"] = scene["colors"].T.contiguous().T
    assert not scene["means"].is_contiguous()
    assert np.array_equal(rasterize(**scene)[0], wanted)
