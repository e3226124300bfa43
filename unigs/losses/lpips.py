"""LPIPS (Zhang et al. 2018), AlexNet version 0.1, without torchvision and the lpips package.

One file holds AlexNet's five convolutions under torchvision's names (`features.*`) and the linear
heads under those of the lpips package (`lin*.model.1.weight`). Differentiable in both images.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unigs.compute.threads import side_by_side
from unigs.pretrained.weights import read_weights, weights_name
from unigs.stage.errors import UserError

NO_WEIGHTS = "the weights of LPIPS are not there: unigs models fetch lpips-alex"
BACKEND = "LPIPS 0.1, AlexNet"
"""What figures say that they were measured with."""
SHIFT = (-0.030, -0.088, -0.188)
"""Mean color of ImageNet, for inputs in [-1,1]."""
SCALE = (0.458, 0.448, 0.450)
"""Standard deviation of the colors of ImageNet, for inputs in [-1,1]."""
TAPS = (1, 4, 7, 9, 11)
"""Layers of `features` after which the activations are compared: the five rectifiers."""

WIDTHS = (64, 192, 384, 256, 256)
"""Channels of the activations there."""


class AlexNetTrunk(nn.Module):
    """AlexNet's convolutional layers; state keys as torchvision's `features.*`."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Activations after each rectifier, five tensors [B,C,h,w], of an image [B,3,H,W]."""
        taps = []
        for index, layer in enumerate(self.features):
            image = layer(image)
            if index in TAPS:
                taps.append(image)
        return taps


class LPIPS(nn.Module):
    """Perceptual distance of images in [0,1]; smaller is more alike.

    Args:
        trunk: AlexNet's convolutions.
        heads: five non-negative weights per channel, [1,C,1,1].
    """

    def __init__(self, trunk: AlexNetTrunk, heads: list[Tensor]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ParameterList(heads)
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance [B] of two batches [B,3,H,W] in [0,1]; H and W at least 32."""
        total = torch.zeros(len(a), device=a.device)
        for head, one, other in zip(self.heads, *self._both(a, b), strict=True):
            total = total + (head * (one - other) ** 2).sum(1).mean((1, 2))
        return total

    def _both(self, a: Tensor, b: Tensor) -> Iterator[list[Tensor]]:
        """Features of either image; on a CPU at once where torch keeps to one thread.

        Training holds torch to one thread, so that its results do not depend on the number of
        cores; two images on a thread each keep every bit.
        """
        if a.device.type != "cpu" or torch.get_num_threads() > 1:
            return map(self._taps, (a, b))
        return side_by_side([self._taps] * 2, (a, b))

    def _taps(self, image: Tensor) -> list[Tensor]:
        taps = self.trunk((image * 2 - 1 - self.shift) / self.scale)
        # sqrt has no gradient at 0; the tiny offset keeps dead pixels from turning into NaN.
        return [tap / ((tap**2).sum(1, keepdim=True) + 1e-20).sqrt().add(1e-10) for tap in taps]


def load_lpips(path: Path | str, device: str = "cpu") -> LPIPS:
    """Build LPIPS from its file of weights.

    Args:
        path: convolutions and heads (.safetensors or .pth).
        device: where it runs.

    Raises:
        UserError: the file is missing, or does not hold LPIPS.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist: {NO_WEIGHTS}.")
    weights = read_weights(Path(path))
    trunk = AlexNetTrunk()
    try:
        trunk.load_state_dict({k: v for k, v in weights.items() if k.startswith("features.")})
        heads = [weights[f"lin{index}.model.1.weight"] for index in range(len(TAPS))]
        if [tuple(head.shape) for head in heads] != [(1, width, 1, 1) for width in WIDTHS]:
            raise ValueError
    except (RuntimeError, KeyError, ValueError):
        raise UserError(
            f"{path} does not hold LPIPS, AlexNet's convolutions and linear heads in one file: "
            "unigs models fetch lpips-alex gets it."
        ) from None
    return LPIPS(trunk, heads).to(device)


def backend_of(path: Path | str) -> str:
    """What figures say that they were measured with: LPIPS, and the beginning of its checksum."""
    return f"{BACKEND} ({weights_name(Path(path))})"


@torch.no_grad()
def distance(network: LPIPS, truth: np.ndarray, render: np.ndarray) -> float:
    """LPIPS of two uint8 images [H,W,3]."""
    device = network.shift.device
    a, b = (
        torch.from_numpy(np.array(image)).to(device).permute(2, 0, 1)[None].float() / 255
        for image in (truth, render)
    )
    return float(network(a, b)[0])
