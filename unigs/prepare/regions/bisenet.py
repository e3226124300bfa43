"""BiSeNet for face parsing (Yu et al., ECCV 2018), as far as its last output needs it.

Names of the weights are those of the state dict that is in use everywhere for face parsing: a
ResNet-18 under `cp.resnet`, two attention refinements, a feature fusion, and a head. The two heads
that only training uses are left out. torch is imported inside functions: no other back-end of the
regions needs it.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from unigs.pretrained.weights import fill, read_weights
from unigs.stage.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

WIDTHS = 64, 128, 256, 512
"""Channels of the four layers of ResNet-18."""
HEAD = "conv_out.conv_out.weight"
"""The weight whose first axis is the classes."""
FOR_TRAINING = "conv_out16.", "conv_out32."
"""Beginnings of the names of the heads that are left out."""


def load_bisenet(path: Path) -> nn.ModuleDict:
    """The network with the weights of a state dict, ready for `scores_of`.

    Raises:
        UserError: the file is missing or damaged, or its tensors are not this network's.
    """
    state = read_weights(path)
    state = {name: value for name, value in state.items() if not name.startswith(FOR_TRAINING)}
    head = state.get(HEAD)
    if head is None or head.ndim != 4:
        raise UserError(
            f"{path} does not hold BiSeNet for face parsing (it lacks {HEAD}): get it anew."
        )
    network = make_bisenet(len(head))
    fill(network, state, path, "BiSeNet for face parsing")
    return network.eval()


def make_bisenet(classes: int) -> nn.ModuleDict:
    """The layers of the network under the names of the state dict.

    Args:
        classes: number of classes.
    """
    from torch import nn

    made = _Layers(nn)
    resnet = {"conv1": nn.Conv2d(3, WIDTHS[0], 7, 2, padding=3, bias=False)}
    resnet["bn1"] = nn.BatchNorm2d(WIDTHS[0])
    given = WIDTHS[0]
    for number, out in enumerate(WIDTHS, 1):
        first = made.block(given, out, 1 if number == 1 else 2)
        resnet[f"layer{number}"] = nn.Sequential(first, made.block(out, out, 1))
        given = out
    context = {
        "resnet": nn.ModuleDict(resnet),
        "arm16": made.refinement(256, 128),
        "arm32": made.refinement(512, 128),
        "conv_head32": made.convolution(128, 128),
        "conv_head16": made.convolution(128, 128),
        "conv_avg": made.convolution(512, 128, 1),
    }
    fusion = {
        "convblk": made.convolution(256, 256, 1),
        "conv1": nn.Conv2d(256, 64, 1, bias=False),
        "conv2": nn.Conv2d(64, 256, 1, bias=False),
    }
    head = {
        "conv": made.convolution(256, 256),
        "conv_out": nn.Conv2d(256, classes, 1, bias=False),
    }
    parts = {"cp": context, "ffm": fusion, "conv_out": head}
    return nn.ModuleDict({name: nn.ModuleDict(part) for name, part in parts.items()})


def scores_of(network: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """Scores [B,C,H,W] of pictures [B,3,H,W] with ImageNet's mean and deviation."""
    import torch
    from torch.nn import functional

    fusion, head = network["ffm"], network["conv_out"]
    features = _convolved(fusion["convblk"], torch.cat(_context(network["cp"], x), 1))
    weight = fusion["conv2"](fusion["conv1"](_mean(features)).relu()).sigmoid()
    scores = head["conv_out"](_convolved(head["conv"], features + features * weight))
    return functional.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=True)


def _context(path: nn.ModuleDict, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of the second layer, and what the whole picture says, [B,128,H/8,W/8] each."""
    from torch.nn import functional

    resnet = path["resnet"]
    x = resnet["bn1"](resnet["conv1"](x)).relu()
    x = _layer(resnet["layer1"], functional.max_pool2d(x, 3, 2, padding=1))
    eighth = _layer(resnet["layer2"], x)
    sixteenth = _layer(resnet["layer3"], eighth)
    last = _layer(resnet["layer4"], sixteenth)
    deep = _refined(path["arm32"], last) + _convolved(path["conv_avg"], _mean(last))
    deep = _convolved(path["conv_head32"], functional.interpolate(deep, sixteenth.shape[2:]))
    middle = _refined(path["arm16"], sixteenth) + deep
    wide = functional.interpolate(middle, eighth.shape[2:])
    return eighth, _convolved(path["conv_head16"], wide)


def _layer(blocks: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    """A layer of ResNet: two convolutions beside a shortcut in each block."""
    for block in blocks:
        beside = block["downsample"](x) if "downsample" in block else x
        x = block["bn1"](block["conv1"](x)).relu()
        x = (block["bn2"](block["conv2"](x)) + beside).relu()
    return x


def _refined(part: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """Features weighted by what the whole picture says of their channels."""
    x = _convolved(part["conv"], x)
    return x * part["bn_atten"](part["conv_atten"](_mean(x))).sigmoid()


def _convolved(part: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    """A convolution, normalized, then cut off below zero."""
    return part["bn"](part["conv"](x)).relu()


def _mean(x: torch.Tensor) -> torch.Tensor:
    """Mean over the picture [B,C,1,1] of features [B,C,H,W]."""
    return x.mean((2, 3), keepdim=True)


class _Layers:
    """Makes groups of layers.

    Args:
        nn: torch.nn.
    """

    def __init__(self, nn: ModuleType) -> None:
        self.nn = nn

    def convolution(self, given: int, out: int, size: int = 3) -> nn.ModuleDict:
        """A convolution without bias, and its normalization."""
        conv = self.nn.Conv2d(given, out, size, padding=size // 2, bias=False)
        return self.nn.ModuleDict({"conv": conv, "bn": self.nn.BatchNorm2d(out)})

    def refinement(self, given: int, out: int) -> nn.ModuleDict:
        """An attention refinement."""
        parts = {
            "conv": self.convolution(given, out),
            "conv_atten": self.nn.Conv2d(out, out, 1, bias=False),
            "bn_atten": self.nn.BatchNorm2d(out),
        }
        return self.nn.ModuleDict(parts)

    def block(self, given: int, out: int, stride: int) -> nn.ModuleDict:
        """A block of ResNet, of half the size where the stride is 2."""
        nn = self.nn
        parts = {
            "conv1": nn.Conv2d(given, out, 3, stride, padding=1, bias=False),
            "bn1": nn.BatchNorm2d(out),
            "conv2": nn.Conv2d(out, out, 3, padding=1, bias=False),
            "bn2": nn.BatchNorm2d(out),
        }
        if given != out or stride != 1:
            shrink = nn.Conv2d(given, out, 1, stride, bias=False)
            parts["downsample"] = nn.Sequential(shrink, nn.BatchNorm2d(out))
        return nn.ModuleDict(parts)
