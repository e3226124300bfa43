"""The constants of the one function that both rasterizers compute."""

import numpy as np
import pytest
import torch

from unigs.geometry.cameras import intrinsics
from unigs.render import spec
from unigs.render.rasterize import rasterize

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
SIZE = 33


def render(device: str, opacities: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and alpha of large Gaussians one behind the other: red, green, blue, ..."""
    count = len(opacities)
    means = torch.zeros(count, 3)
    means[:, 2] = 1 + 0.1 * torch.arange(count)
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1)
    parts = means, quats, torch.full((count, 3), 0.3), torch.tensor(opacities), torch.eye(3)[:count]
    camera = torch.eye(4), intrinsics(40.0, SIZE)
    image, alpha, _ = rasterize(*(x.to(device) for x in (*parts, *camera)), SIZE, SIZE)
    return image.cpu(), alpha.cpu()


@pytest.mark.parametrize("device", DEVICES)
def test_one_opaque_gaussian_is_drawn_and_lets_the_least_through(device):
    """At its center alpha is MAX_ALPHA; what stands behind it still adds its share."""
    image, alpha = render(device, [1.0])
    middle = SIZE // 2, SIZE // 2
    assert alpha[middle].item() == pytest.approx(float(spec.MAX_ALPHA), abs=1e-6)
    assert image[middle].tolist() == pytest.approx([float(spec.MAX_ALPHA), 0, 0], abs=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_a_pixel_is_finished_before_its_transmittance_falls_to_the_limit(device):
    """Two opaque Gaussians would leave 1e-6: the second one is not drawn."""
    image, alpha = render(device, [1.0, 1.0])
    middle = SIZE // 2, SIZE // 2
    assert image[middle].tolist() == pytest.approx([float(spec.MAX_ALPHA), 0, 0], abs=1e-6)
    faint, _ = render(device, [1.0, 0.5])
    rest = (1 - float(spec.MAX_ALPHA)) * 0.5
    assert faint[middle].tolist() == pytest.approx([float(spec.MAX_ALPHA), rest, 0], abs=1e-6)


def test_an_opaque_gaussian_can_be_drawn_at_all():
    assert 1 - float(spec.MAX_ALPHA) > float(spec.MIN_TRANSMITTANCE)
    assert float(spec.MIN_ALPHA) == np.float32(1 / float(spec.ALPHA_STEPS))
