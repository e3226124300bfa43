"""Where the patches of LPIPS lie."""

import pytest
import torch

from unigs.train.perceptual import Perceptual


class Seen(torch.nn.Module):
    """Keeps the patches that it is asked about."""

    def forward(self, image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        self.image, self.truth = image, truth
        return (image - truth).abs().mean()


def corner_of(patch: torch.Tensor) -> tuple[int, int]:
    """Column and row of a patch [1,3,h,w] of `places`."""
    return int(patch[0, 0, 0, 0]), int(patch[0, 1, 0, 0])


@pytest.fixture
def places() -> torch.Tensor:
    """A picture [64,96,3] whose pixels hold their own column and row."""
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")
    return torch.stack([columns, rows, torch.zeros(64, 96)], -1)


@pytest.mark.parametrize(
    "center, corner",
    [((48, 32), (36, 20)), ((48.4, 31.6), (36, 20)), ((2, 1), (0, 0)), ((95, 63), (72, 40))],
)
def test_a_patch_over_a_mouth_is_a_quarter_of_the_width_enlarged(places, center, corner):
    """A ramp stays one: 24 pixels become 32, whose middles lie 3/4 of a pixel apart."""
    network = Seen()
    value = Perceptual(network, 32)(places, places + 1, center)
    assert network.image.shape == (1, 3, 32, 32)
    steps = (torch.arange(32) + 0.5) * 24 / 32 - 0.5
    inner = slice(4, -4)  # beyond the border pixels are repeated
    for channel, along in ((0, network.image[0, 0, 5]), (1, network.image[0, 1, :, 5])):
        torch.testing.assert_close(along[inner], (corner[channel] + steps)[inner])
    torch.testing.assert_close(network.truth, network.image + 1)
    torch.testing.assert_close(value, torch.tensor(1.0))


def test_a_patch_over_a_mouth_gives_every_pixel_of_it_a_gradient(places):
    image = places.clone().requires_grad_(True)
    Perceptual(Seen(), 32)(image, image.detach() - 1, (48, 32)).backward()
    moved = image.grad.abs().sum(-1) > 0
    assert moved[20:44, 36:60].all() and int(moved.sum()) == 24 * 24


def test_without_a_middle_patches_lie_anywhere(places):
    torch.manual_seed(0)
    network, corners = Seen(), []
    perceptual = Perceptual(network, 32)
    for _ in range(400):
        perceptual(places, places)
        corners.append(corner_of(network.image))
    columns, rows = zip(*corners, strict=True)
    assert (min(columns), max(columns), min(rows), max(rows)) == (0, 64, 0, 32)
