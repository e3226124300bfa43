"""LPIPS (Zhang et al. 2018), AlexNet version 0.1, without torchvision.

The trunk is AlexNet's five convolutions under torchvision's key names, so that its weight file
(`alexnet-owt-7be5be79.pth`) loads as it is; the linear heads lie inside the `lpips` wheel, which is
searched but not imported (its import needs torchvision). Differentiable in both images.
"""

import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unigs.stage.errors import UserError
from unigs.pretrained.weights import read_weights

NO_WEIGHTS = (
    "AlexNet's weights are not there: set lpips_trunk to a local copy of "
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
)
SHIFT = (-0.030, -0.088, -0.188)
"""Mean color of ImageNet, for inputs in [-1,1]."""
SCALE = (0.458, 0.448, 0.450)
"""Standard deviation of the colors of ImageNet, for inputs in [-1,1]."""
TAPS = (1, 4, 7, 9, 11)
"""Layers of `features` after which the activations are compared: the five rectifiers."""


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
        for head, one, other in zip(self.heads, self._taps(a), self._taps(b), strict=True):
            total = total + (head * (one - other) ** 2).sum(1).mean((1, 2))
        return total

    def _taps(self, image: Tensor) -> list[Tensor]:
        taps = self.trunk((image * 2 - 1 - self.shift) / self.scale)
        # sqrt has no gradient at 0; the tiny offset keeps dead pixels from turning into NaN.
        return [tap / ((tap**2).sum(1, keepdim=True) + 1e-20).sqrt().add(1e-10) for tap in taps]


def load_lpips(trunk: Path | str, heads: Path | str = "", device: str = "cpu") -> LPIPS:
    """Build LPIPS from weight files.

    Args:
        trunk: AlexNet state (.pth or .safetensors) with `features.*` keys; others are ignored.
        heads: LPIPS v0.1 heads for AlexNet; empty: those of the installed lpips package.
        device: where it runs.

    Raises:
        UserError: a file is missing or does not fit.
    """
    path = Path(heads) if heads else packaged_heads()
    if not Path(trunk).is_file():
        raise UserError(f"{trunk} does not exist: {NO_WEIGHTS}")
    weights, linear = read_weights(Path(trunk)), read_weights(path)
    network = AlexNetTrunk()
    try:
        network.load_state_dict({k: v for k, v in weights.items() if k.startswith("features.")})
    except RuntimeError:
        raise UserError(
            f"{trunk} does not hold AlexNet's convolutions under torchvision's names: {NO_WEIGHTS}"
        ) from None
    try:
        tensors = [linear[f"lin{index}.model.1.weight"] for index in range(len(TAPS))]
    except KeyError as error:
        raise UserError(
            f"{path} lacks {error}: give the alex.pth of LPIPS version 0.1 as evaluate.lpips_heads."
        ) from None
    return LPIPS(network, tensors).to(device)


def packaged_heads() -> Path:
    """The heads inside the installed lpips package, found without importing it.

    Raises:
        UserError: the package is not installed.
    """
    spec = importlib.util.find_spec("lpips")
    path = Path(spec.origin).parent / "weights/v0.1/alex.pth" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise UserError(
            "the heads of LPIPS are not there: pip install --no-deps lpips==0.1.4, or set "
            "evaluate.lpips_heads to its weights/v0.1/alex.pth"
        )
    return path


@torch.no_grad()
def distance(network: LPIPS, truth: np.ndarray, render: np.ndarray) -> float:
    """LPIPS of two uint8 images [H,W,3]."""
    device = network.shift.device
    a, b = (
        torch.from_numpy(np.array(image)).to(device).permute(2, 0, 1)[None].float() / 255
        for image in (truth, render)
    )
    return float(network(a, b)[0])
