"""A 68-point landmark network of its own training: the second judge of lips.

The network is FaceLandmark68Net of face-api (MIT): four blocks of depthwise separable convolutions,
357 kB. It shares neither weights nor data nor code with MediaPipe's mesh, whose landmarks trained
the portrait. Points are those of the iBUG annotation; 48 to 67 are the mouth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unigs.pretrained.weights import fill, read_weights

BACKEND = "FaceLandmark68Net (face-api)"
"""Name of the network, for the records."""
SIZE = 112
"""Side of the network's input, px."""
POINTS = 68
"""Points of the annotation."""
SIDE, DOWN = 4.3, 0.9
"""Square of `unigs.face.squares` that the network is shown, in sizes of the skull: from the
hairline to the collar. On a plateau: sides of 3.7 to 4.6 give the same lips."""
LIPS = tuple(range(48, 68))
"""The mouth: outer lips, then inner lips."""
OPENING = ((61, 67), (62, 66), (63, 65))
"""Pairs (upper inner lip, lower inner lip) whose mean distance is the opening of the mouth."""
RIGID = (*range(27, 31), *range(36, 48))
"""Points that follow the skull: the bridge of the nose, and the eyes."""
MEAN_COLOR = (122.782, 117.001, 104.298)
"""Subtracted from 8-bit colors before they are divided by 255."""
WIDTHS = (32, 64, 128, 256)
"""Channels of the four blocks."""


class Convolution(nn.Module):
    """A 3x3 convolution that keeps the image's border as TensorFlow's padding "same" does."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.filters = nn.Parameter(torch.zeros(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """[B,inputs,H,W] -> [B,outputs,H/stride,W/stride]."""
        return F.conv2d(same(x, self.stride), self.filters, self.bias, self.stride)


class Separable(nn.Module):
    """A 3x3 convolution of each channel, then a mixture of the channels."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.depthwise_filter = nn.Parameter(torch.zeros(inputs, 1, 3, 3))
        self.pointwise_filter = nn.Parameter(torch.zeros(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """[B,inputs,H,W] -> [B,outputs,H/stride,W/stride]."""
        x = F.conv2d(
            same(x, self.stride), self.depthwise_filter, None, self.stride, 0, 1, x.shape[1]
        )
        return F.conv2d(x, self.pointwise_filter, self.bias)


class DenseBlock(nn.Module):
    """Four convolutions, each of which sees the sum of those before it; half the resolution."""

    def __init__(self, inputs: int, outputs: int, first: type[nn.Module]) -> None:
        super().__init__()
        self.conv0 = first(inputs, outputs, 2)
        self.conv1, self.conv2, self.conv3 = (Separable(outputs, outputs, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """[B,inputs,H,W] -> [B,outputs,H/2,W/2]."""
        total = F.relu(self.conv0(x))
        seen = total
        for layer in (self.conv1, self.conv2, self.conv3):
            total = total + layer(seen)
            seen = F.relu(total)
        return seen


class Landmarks68(nn.Module):
    """68 points of a face in its square."""

    backend, size, side, down = BACKEND, SIZE, SIDE, DOWN

    def __init__(self) -> None:
        super().__init__()
        self.dense0 = DenseBlock(3, WIDTHS[0], Convolution)
        self.dense1 = DenseBlock(WIDTHS[0], WIDTHS[1], Separable)
        self.dense2 = DenseBlock(WIDTHS[1], WIDTHS[2], Separable)
        self.dense3 = DenseBlock(WIDTHS[2], WIDTHS[3], Separable)
        self.fc = nn.Linear(WIDTHS[3], 2 * POINTS)
        self.register_buffer("mean", torch.tensor(MEAN_COLOR).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Points [B,68,2], 0 to 1 over the square, of uint8 RGB [B,112,112,3]."""
        x = (images.permute(0, 3, 1, 2).float() - self.mean) / 255
        for block in (self.dense0, self.dense1, self.dense2, self.dense3):
            x = block(x)
        return self.fc(F.avg_pool2d(x, 7).flatten(1)).view(-1, POINTS, 2)

    def find(self, cuts: np.ndarray) -> np.ndarray:
        """Points float32 [B,68,2], 0 to 1 over the square, of cut-outs uint8 RGB [B,112,112,3]."""
        return find_points(self, cuts)


def same(x: Tensor, stride: int) -> Tensor:
    """A border of zeros as TensorFlow puts it around even sizes: below and right at stride 2."""
    return F.pad(x, (0, 1, 0, 1)) if stride == 2 else F.pad(x, (1, 1, 1, 1))


def load_landmarks68(
    path: Path, device: str = "cpu", given: dict[str, Tensor] | None = None
) -> Landmarks68:
    """Read the network's weights under face-api's own names (`dense0/conv0/filters`, ...).

    Args:
        path: the file; filters lie in TensorFlow's order [3,3,in,out].
        device: where it runs.
        given: what was read from the file already; None: read it.

    Raises:
        UserError: the file is missing or holds another network.
    """
    network, state = Landmarks68(), {}
    for name, value in (read_weights(path) if given is None else given).items():
        if value.ndim == 4:
            order = (2, 3, 0, 1) if name.endswith("depthwise_filter") else (3, 2, 0, 1)
            value = value.permute(order)
        elif name == "fc/weights":
            name, value = "fc/weight", value.T
        state[name.replace("/", ".")] = value.float()
    fill(network, state, path, "FaceLandmark68Net under face-api's names")
    return network.to(device)


@torch.no_grad()
def find_points(network: Landmarks68, cuts: np.ndarray) -> np.ndarray:
    """Points float32 [B,68,2], 0 to 1 over the square, of cut-outs uint8 RGB [B,112,112,3]."""
    device = network.mean.device
    return network(torch.from_numpy(cuts).to(device)).cpu().numpy()
