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
    [((48, 32), (32, 16)), ((48.4, 31.6), (32, 16)), ((2, 1), (0, 0)), ((95, 63), (64, 32))],
)
def test_a_patch_lies_over_its_middle_and_inside_the_picture(places, center, corner):
    network = Seen()
    value = Perceptual(network, 32)(places, places + 1, center)
    assert corner_of(network.image) == corner and network.image.shape == (1, 3, 32, 32)
    assert torch.equal(network.truth, network.image + 1) and value == 1


def test_without_a_middle_patches_lie_anywhere(places):
    torch.manual_seed(0)
    network, corners = Seen(), []
    perceptual = Perceptual(network, 32)
    for _ in range(400):
        perceptual(places, places)
        corners.append(corner_of(network.image))
    columns, rows = zip(*corners, strict=True)
    assert (min(columns), max(columns), min(rows), max(rows)) == (0, 64, 0, 32)
