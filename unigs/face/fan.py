"""FAN, the network of the package face-alignment: 68 points of a face as heat maps.

Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV
2017. The network is written out here under the names of the published files, so that no package is
needed and no file is run. Widths and the number of hourglasses are read off the file.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unigs.pretrained.weights import fill, read_weights
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError

NAME = "FAN (face-alignment)"
"""Name of the network, for the records."""
SIZE, MAP = 256, 64
"""Sides of the network's input and of its heat maps, px."""
SIDE, DOWN = 7.65, -0.12
"""Square of `unigs.face.squares` that the network is shown, in sizes of the skull: what
face-alignment cuts around a box from hairline to chin (`box_square`), on four clips."""
REFERENCE, ABOVE = 195 / 200, 0.12
"""Mean of a face box's sides as a share of half the square's side; and how far the square's center
lies above the box's, in heights of the box."""
DEPTH = 4
"""Halvings inside an hourglass."""
# fmt: off
MIRRORED = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)
"""Which point of a mirrored face each point is."""
# fmt: on


class Block(nn.Module):
    """Three 3x3 convolutions, each before the next and all joined, beside a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        widths = (inputs, outputs // 2, outputs // 4, outputs // 4)
        for k in (1, 2, 3):
            self.add_module(f"bn{k}", nn.BatchNorm2d(widths[k - 1]))
            convolution = nn.Conv2d(widths[k - 1], widths[k], 3, padding=1, bias=False)
            self.add_module(f"conv{k}", convolution)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[B,inputs,H,W] -> [B,outputs,H,W]."""
        parts, part = [], x
        for k in (1, 2, 3):
            part = getattr(self, f"conv{k}")(F.relu(getattr(self, f"bn{k}")(part)))
            parts.append(part)
        return torch.cat(parts, 1) + (x if self.downsample is None else self.downsample(x))


class Hourglass(nn.Module):
    """Sees the features at halved sizes, one inside the other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        for level in range(1, DEPTH + 1):
            for name in ("b1", "b2", "b3"):
                self.add_module(f"{name}_{level}", Block(width, width))
        self.b2_plus_1 = Block(width, width)

    def forward(self, x: Tensor, level: int = DEPTH) -> Tensor:
        """[B,width,H,W], the same shape."""
        low = getattr(self, f"b2_{level}")(F.avg_pool2d(x, 2))
        low = self(low, level - 1) if level > 1 else self.b2_plus_1(low)
        low = getattr(self, f"b3_{level}")(low)
        return getattr(self, f"b1_{level}")(x) + F.interpolate(low, scale_factor=2)


class FAN(nn.Module):
    """Heat maps of 68 points of a face in its square.

    Args:
        widths: channels of the first convolution and of the three blocks.
        hourglasses: hourglasses, one behind the other.
        points: heat maps.
    """

    backend, size, side, down = NAME, SIZE, SIDE, DOWN

    def __init__(self, widths: tuple[int, int, int, int], hourglasses: int, points: int) -> None:
        super().__init__()
        first, *_, wide = widths
        self.hourglasses = hourglasses
        self.conv1 = nn.Conv2d(3, first, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(first)
        for k in (2, 3, 4):
            self.add_module(f"conv{k}", Block(widths[k - 2], widths[k - 1]))
        for k in range(hourglasses):
            self.add_module(f"m{k}", Hourglass(wide))
            self.add_module(f"top_m_{k}", Block(wide, wide))
            self.add_module(f"conv_last{k}", nn.Conv2d(wide, wide, 1))
            self.add_module(f"bn_end{k}", nn.BatchNorm2d(wide))
            self.add_module(f"l{k}", nn.Conv2d(wide, points, 1))
            if k < hourglasses - 1:
                self.add_module(f"bl{k}", nn.Conv2d(wide, wide, 1))
                self.add_module(f"al{k}", nn.Conv2d(points, wide, 1))
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Heat maps [B,points,64,64] of the last hourglass, of images [B,3,256,256] in [0,1]."""
        x = F.relu(self.bn1(self.conv1(images)))
        x = self.conv4(self.conv3(F.avg_pool2d(self.conv2(x), 2)))
        for k in range(self.hourglasses):
            seen = getattr(self, f"top_m_{k}")(getattr(self, f"m{k}")(x))
            seen = F.relu(getattr(self, f"bn_end{k}")(getattr(self, f"conv_last{k}")(seen)))
            maps = getattr(self, f"l{k}")(seen)
            if k < self.hourglasses - 1:
                x = x + getattr(self, f"bl{k}")(seen) + getattr(self, f"al{k}")(maps)
        return maps

    @torch.no_grad()
    def find(self, cuts: np.ndarray) -> np.ndarray:
        """Points float32 [B,68,2], 0 to 1 over the square, of cut-outs uint8 RGB [B,256,256,3].

        Heat maps of the image and of its mirror image are added, as face-alignment does.
        """
        images = torch.from_numpy(cuts).to(self.conv1.weight.device)
        images = images.permute(0, 3, 1, 2).float() / 255
        mirrored = self(images.flip(3)).flip(3)[:, list(MIRRORED)]
        return peaks((self(images) + mirrored).cpu().numpy()) / MAP


def peaks(maps: np.ndarray) -> np.ndarray:
    """Places float32 [B,P,2] of the maxima of heat maps [B,P,H,W], x and y in their pixels.

    A quarter of a pixel is added towards the higher neighbor; a pixel's middle is at one half.
    """
    batch, points, height, width = maps.shape
    rows, columns = np.divmod(maps.reshape(batch, points, -1).argmax(2), width)
    places = np.stack([columns, rows], axis=-1) + 0.5
    inside = (rows > 0) & (rows < height - 1) & (columns > 0) & (columns < width - 1)
    b, p = np.nonzero(inside)
    y, x = rows[b, p], columns[b, p]
    along = maps[b, p, y, x + 1] - maps[b, p, y, x - 1], maps[b, p, y + 1, x] - maps[b, p, y - 1, x]
    places[b, p] += 0.25 * np.sign(np.stack(along, axis=-1))
    return places.astype(np.float32)


def box_square(box: np.ndarray) -> np.ndarray:
    """The square that face-alignment cuts around a box from hairline to chin.

    Args:
        box: x and y of its corner, width and height, px.

    Returns:
        Center x and y, and side, px, as `unigs.face.squares.cut_square` takes it.
    """
    x, y, width, height = box[:4]
    side = (width + height) / REFERENCE
    return np.array([x + width / 2, y + height / 2 - ABOVE * height, side])


def load_fan(path: Path, device: str = "cpu", state: dict[str, Tensor] | None = None) -> FAN:
    """Read the network's weights (2DFAN4-*.pth.tar, 3DFAN4-*.pth.tar, or safetensors).

    Args:
        path: the file.
        device: where it runs.
        state: what was read from the file already; None: read it.

    Raises:
        UserError: the file is missing or holds another network.
    """
    _check_name(path)
    state = read_weights(path) if state is None else state
    state = {name.removeprefix("module."): value.float() for name, value in state.items()}
    counted = {n: v for n, v in state.items() if not n.endswith("num_batches_tracked")}
    what = "FAN under the names of face-alignment"
    try:
        count = len([name for name in state if re.fullmatch(r"l\d+\.weight", name)])
        # A block's first convolution has half of its channels.
        wide = [2 * state[f"conv{k}.conv1.weight"].shape[0] for k in (2, 3, 4)]
        widths = (state["conv1.weight"].shape[0], *wide)
        network = FAN(widths, count, state["l0.weight"].shape[0])
    except (KeyError, ValueError, IndexError, RuntimeError):
        raise UserError(f"{path} does not hold {what}: get it anew.") from None
    if network.l0.out_channels != len(MIRRORED):
        raise UserError(f"{path} does not hold {what}: get it anew.")
    counters = {n: v for n, v in network.state_dict().items() if n.endswith("batches_tracked")}
    fill(network, counters | counted, path, what)
    return network.to(device)


def _check_name(path: Path) -> None:
    """Refuse a file whose checksum is not the one in its name, where one is.

    Raises:
        UserError: it is damaged, or another one.
    """
    named = re.search(r"-([0-9a-f]{10})\.pth", Path(path).name)
    if named and Path(path).is_file() and not checksum(path).startswith(named[1]):
        raise UserError(
            f"{path} is damaged or another file: its sha256 does not begin with the "
            f"{named[1]} of its name; get it anew."
        )
