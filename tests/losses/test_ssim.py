"""SSIM: the numba version against the torch twin in float64, its definition, closed forms."""

import numpy as np
import pytest
import torch

from unigs.compute import threads
from unigs.losses.ssim import C1, ssim, ssim_torch

# one tile, narrow, uneven tiles in both directions, exactly two tiles, a single pixel
SHAPES = [(3, 32, 32), (1, 5, 7), (2, 131, 40), (3, 30, 259), (1, 20, 256), (1, 1, 1)]


def image_pair(shape, seed=0):
    """A smooth image with texture and a disturbed copy."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.linspace(0, 6, shape[1])[:, None]
    columns = torch.linspace(0, 9, shape[2])[None, :]
    smooth = 0.5 + 0.3 * torch.sin(rows) * torch.cos(columns)
    a = (smooth + 0.1 * torch.randn(shape, generator=generator)).clamp(0, 1)
    b = (a + 0.15 * torch.randn(shape, generator=generator)).clamp(0, 1)
    return a, b


@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradient_match_float64(shape):
    a, b = image_pair(shape)
    a.requires_grad_()
    value = ssim(a, b)
    (-2.5 * value).backward()
    exact = a.detach().double().requires_grad_()
    expected = ssim_torch(exact, b.double())
    (-2.5 * expected).backward()
    assert value.item() == pytest.approx(expected.item(), abs=2e-7)
    worst = (a.grad - exact.grad).abs().max() / exact.grad.abs().max()
    assert worst < 5e-6


def brute_force(a, b):
    """SSIM from its definition, pixel by pixel, with weighted moments over an 11x11 window."""
    height, width = a.shape
    line = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    padded_a, padded_b = np.pad(a, 5), np.pad(b, 5)
    total = 0.0
    for y in range(height):
        for x in range(width):
            p, q = padded_a[y : y + 11, x : x + 11], padded_b[y : y + 11, x : x + 11]
            mean_p, mean_q = (window * p).sum(), (window * q).sum()
            var_p = (window * p * p).sum() - mean_p**2
            var_q = (window * q * q).sum() - mean_q**2
            covariance = (window * p * q).sum() - mean_p * mean_q
            total += ((2 * mean_p * mean_q + 0.0001) * (2 * covariance + 0.0009)) / (
                (mean_p**2 + mean_q**2 + 0.0001) * (var_p + var_q + 0.0009)
            )
    return total / (height * width)


def test_value_matches_the_definition():
    a, b = image_pair((1, 17, 23))
    expected = brute_force(a[0].double().numpy(), b[0].double().numpy())
    assert ssim(a, b).item() == pytest.approx(expected, abs=1e-6)
    assert ssim_torch(a.double(), b.double()).item() == pytest.approx(expected, abs=1e-12)


def test_gradient_matches_finite_differences():
    a, b = image_pair((1, 9, 12))
    a, b = a.double(), b.double()
    a32 = a.float().requires_grad_()
    ssim(a32, b.float()).backward()
    for y, x in [(0, 0), (4, 6), (8, 11), (0, 5)]:
        step = torch.zeros_like(a)
        step[0, y, x] = 1e-5
        slope = (ssim_torch(a + step, b) - ssim_torch(a - step, b)).item() / 2e-5
        assert a32.grad[0, y, x].item() == pytest.approx(slope, rel=2e-4, abs=1e-6)


def test_identical_images_are_a_maximum():
    a, _ = image_pair((3, 40, 50))
    x = a.clone().requires_grad_()
    value = ssim(x, a)
    value.backward()
    assert value.item() == pytest.approx(1.0, abs=1e-6)
    other = a.clone().requires_grad_()
    ssim(other, 1 - a).backward()
    assert x.grad.abs().max() < 1e-3 * other.grad.abs().max()


def test_symmetric():
    a, b = image_pair((3, 33, 70))
    assert ssim(a, b).item() == pytest.approx(ssim(b, a).item(), abs=1e-7)


def test_constant_images_in_closed_form():
    """Far from the border two constant images leave only the luminance term."""
    size, p, q = 64, 0.3, 0.6
    a = torch.full((1, size, size), p)
    inner = (2 * p * q + C1) / (p * p + q * q + C1)
    wide = ssim(a, torch.full_like(a, q)).item() * size**2
    small = ssim(a[:, :30, :30].contiguous(), torch.full((1, 30, 30), q)).item() * 30**2
    # pixels at the four edges and corners cancel; a flat area costs 1e-4 in float32
    thin = ssim(a[:, :30, :].contiguous(), torch.full((1, 30, size), q)).item() * 30 * size
    border_free = wide - 2 * thin + small
    assert border_free / (size - 30) ** 2 == pytest.approx(inner, abs=1e-4)


def test_value_falls_with_noise():
    a, _ = image_pair((3, 48, 48))
    noise = torch.randn(a.shape, generator=torch.Generator().manual_seed(3))
    values = [ssim(a, a + level * noise).item() for level in (0.0, 0.02, 0.1, 0.5)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.5


@pytest.mark.parametrize("layout", ["image", "crop", "offset"])
def test_memory_order_does_not_matter(layout):
    a, b = image_pair((3, 40, 140))
    plain = a.clone().requires_grad_()
    ssim(plain, b).backward()
    if layout == "image":  # what a rasteriser returns: [H,W,C] seen as [C,H,W]
        leaf = a.permute(1, 2, 0).contiguous().requires_grad_()
        seen, target = leaf.permute(2, 0, 1), b.permute(1, 2, 0).contiguous().permute(2, 0, 1)
        back = lambda g: g.permute(2, 0, 1)  # noqa: E731
    elif layout == "crop":
        leaf = torch.nn.functional.pad(a, (3, 4, 5, 6)).requires_grad_()
        seen, target = leaf[:, 5:-6, 3:-4], b
        back = lambda g: g[:, 5:-6, 3:-4]  # noqa: E731
    else:  # memory that does not start at its storage's first element
        leaf = torch.cat([torch.zeros_like(a), a]).requires_grad_()
        seen, target = leaf[3:], torch.cat([a, b])[3:]
        back = lambda g: g[3:]  # noqa: E731
    value = ssim(seen, target)
    value.backward()
    assert value.item() == ssim(plain, b).item()
    assert torch.equal(back(leaf.grad), plain.grad)


def test_without_gradient_the_value_is_the_same():
    a, b = image_pair((3, 140, 150))
    with_gradient = ssim(a.clone().requires_grad_(), b)
    assert ssim(a, b).item() == pytest.approx(with_gradient.item(), abs=1e-7)
    assert not ssim(a, b).requires_grad


@pytest.mark.usefixtures("restored_threads")
def test_threads_do_not_change_a_bit():
    a, b = image_pair((3, 150, 270))
    results = []
    for count in (1, 2):
        threads.set_threads(count)
        x = a.clone().requires_grad_()
        value = ssim(x, b)
        value.backward()
        results.append((value.detach(), x.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_a_graph_can_be_walked_twice():
    a, b = image_pair((1, 20, 20))
    a.requires_grad_()
    value = ssim(a, b)
    (first,) = torch.autograd.grad(value, a, retain_graph=True)
    first = first.clone()
    (second,) = torch.autograd.grad(3 * value, a)
    assert torch.allclose(second, 3 * first)


def test_wrong_arguments_are_named():
    a, b = image_pair((3, 20, 20))
    with pytest.raises(ValueError, match="two \\[C,H,W\\] images"):
        ssim(a, b[:, :-1])
    with pytest.raises(ValueError, match="float32"):
        ssim(a.double(), b.double())
    with pytest.raises(ValueError, match="first image only"):
        ssim(a, b.clone().requires_grad_())
