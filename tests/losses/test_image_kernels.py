"""The losses' sums over regions and the composition over the plate, against torch in float64."""

import pytest
import torch

from unigs.compute import threads
from unigs.losses.l1 import region_l1, region_l1_torch, region_sizes
from unigs.losses.mask_l1 import mask_l1, mask_l1_torch
from unigs.render.composite import composite, composite_torch

SHAPES = [(48, 37), (1, 1), (130, 64)]


def scene(shape, regions=3):
    """Image, truth (equal to it in places), plate, alpha, overlapping masks (one empty)."""
    g = torch.Generator().manual_seed(0)
    image, truth, plate = (torch.rand(*shape, 3, generator=g) for _ in range(3))
    same = torch.rand(*shape, 3, generator=g) < 0.2
    truth = torch.where(same, image, truth)
    masks = [torch.rand(*shape, generator=g) < k / regions for k in range(regions)]
    return image, truth, plate, torch.rand(*shape, 1, generator=g), masks


@pytest.mark.parametrize("regions", [0, 1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_region_sums_and_gradient_match_float64(shape, regions):
    image, truth, _, _, masks = scene(shape, regions)
    weights = torch.linspace(1, -2, 1 + regions)
    results = []
    for function, dtype in ((region_l1, torch.float32), (region_l1_torch, torch.float64)):
        leaf = image.clone().to(dtype).requires_grad_()
        sums = function(leaf, truth.to(dtype), masks)
        (sums * weights).sum().backward()
        results.append((sums.detach().double(), leaf.grad.double()))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_overlapping_regions_count_a_pixel_in_each():
    image, truth = torch.full((4, 6, 3), 0.75), torch.full((4, 6, 3), 0.5)
    left = torch.zeros(4, 6, dtype=torch.bool)
    left[:, :3] = True
    image.requires_grad_()
    sums = region_l1(image, truth, [left, left, ~left])
    assert sums.tolist() == pytest.approx([6, 3, 3, 3])
    (sums * torch.tensor([1.0, 10, 100, 1000])).sum().backward()
    assert image.grad[0, 0].tolist() == pytest.approx([37] * 3)
    assert image.grad[0, 5].tolist() == pytest.approx([1001 / 3] * 3)


@pytest.mark.parametrize("shape", SHAPES)
def test_opacity_and_mask_match_float64(shape):
    """Some pixels are exactly right: they have no gradient."""
    *_, alpha, (_, _, mask) = scene(shape)
    alpha = torch.where(torch.rand(*shape, 1) < 0.2, mask[..., None].float(), alpha)[..., 0]
    results = []
    for function, dtype in ((mask_l1, torch.float32), (mask_l1_torch, torch.float64)):
        leaf = alpha.clone().to(dtype).requires_grad_()
        value = function(leaf, mask)
        (3 * value).backward()
        results.append((value.detach().double(), leaf.grad.double()))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_regions_are_counted_in_pixels():
    masks = [torch.zeros(5, 7, dtype=torch.bool) for _ in range(3)]
    masks[1][2, 3:5] = True
    masks[2][:] = True
    assert region_sizes(masks).tolist() == [0, 2, 35]


@pytest.mark.parametrize("shape", SHAPES)
def test_composition_and_gradients_match_float64(shape):
    image, weights, plate, alpha, _ = scene(shape)
    results = []
    for function, dtype in ((composite, torch.float32), (composite_torch, torch.float64)):
        leaves = [x.clone().to(dtype).requires_grad_() for x in (image, alpha)]
        out = function(*leaves, plate.to(dtype))
        (out * weights).sum().backward()
        results.append([x.double() for x in (out.detach(), *(leaf.grad for leaf in leaves))])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("restored_threads")
def test_threads_do_not_change_a_bit():
    image, truth, plate, alpha, masks = scene((300, 200))
    results = []
    for count in (1, 2):
        threads.set_threads(count)
        leaves = image.clone().requires_grad_(), alpha.clone().requires_grad_()
        shown = composite(*leaves, plate)
        sums = region_l1(shown, truth, masks)
        opaque = mask_l1(leaves[1][..., 0], masks[0])
        (sums.sum() + opaque).backward()
        values = shown.detach(), sums.detach(), opaque.detach()
        results.append((*values, *(leaf.grad for leaf in leaves)))
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_what_does_not_fit_is_named():
    image = torch.zeros(4, 5, 3)
    with pytest.raises(ValueError, match=r"\[H,W,3\]"):
        region_l1(image, torch.zeros(5, 4, 3))
    with pytest.raises(ValueError, match="masks must be bool"):
        region_l1(image, image, [torch.zeros(4, 5)])
    with pytest.raises(ValueError, match="float32"):
        region_l1(image.double(), image.double())
    with pytest.raises(ValueError, match="first image only"):
        region_l1(image, image.clone().requires_grad_())
    with pytest.raises(ValueError, match=r"mask_l1 takes \[H,W\]"):
        mask_l1(torch.zeros(4, 5), torch.zeros(5, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="float32"):
        mask_l1(torch.zeros(4, 5).double(), torch.zeros(4, 5, dtype=torch.bool))
    alpha = torch.zeros(4, 5, 1)
    with pytest.raises(ValueError, match=r"\(2, 2, 3\)"):
        composite(image, alpha, torch.zeros(2, 2, 3))
    with pytest.raises(ValueError, match="float32"):
        composite(image, alpha.double(), image)
