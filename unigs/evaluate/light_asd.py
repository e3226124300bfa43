"""Light-ASD (Liao et al., CVPR 2023): does this face say this sound? One score per frame.

Two small encoders, of gray faces at 25 frames a second and of cepstra at 100 rows a second, give
128 numbers per frame each; their sum goes through two recurrent layers, one forward and one
backward in time, and a linear layer. The network is written from the article and the names in the
published weights (MIT), which it reads as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unigs.pretrained.weights import fill, read_weights

BACKEND = "Light-ASD (AVA)"
"""Name of the network, for the records."""
SIZE = 112
"""Side of the network's faces, px."""
WIDTHS = (32, 64, 128)
"""Channels of the three blocks of either encoder."""
GRAY_MEAN, GRAY_SPREAD = 0.4161, 0.1688
"""Normalization of gray levels in [0,1]."""
ROWS = 4
"""Rows of cepstra per frame."""
CONTEXT = 6
"""Frames to either side that reach a frame's numbers: three blocks of +-2. The sound's reach is
17 rows, less than five frames."""
CHUNK = 100
"""Frames that are encoded at once."""
EPSILON = 1e-3
"""Of the batch normalizations."""


class Block(nn.Module):
    """Two branches with kernels of 3 and 5, each first across the input, then along time.

    Args:
        inputs: channels.
        outputs: channels.
        faces: whether the input is [B,C,T,H,W]; else it is [B,C,cepstra,T].
        stride: of the step across the input.
    """

    def __init__(self, inputs: int, outputs: int, faces: bool, stride: int = 1) -> None:
        super().__init__()
        conv, norm = (nn.Conv3d, nn.BatchNorm3d) if faces else (nn.Conv2d, nn.BatchNorm2d)

        def step(
            n: int, kernel: tuple[int, ...], strides: tuple[int, ...] | int
        ) -> list[nn.Module]:
            padding = tuple(k // 2 for k in kernel)
            layer = conv(n, outputs, kernel, strides, padding, bias=False)
            return [layer, norm(outputs, eps=EPSILON), nn.ReLU()]

        def branch(k: int) -> nn.Sequential:
            if faces:
                across, along, strides = (1, k, k), (k, 1, 1), (1, stride, stride)
            else:
                across, along, strides = (k, 1), (1, k), 1
            return nn.Sequential(*step(inputs, across, strides), *step(outputs, along, 1))

        self.branches = nn.ModuleList([branch(3), branch(5)])
        self.merge = nn.Sequential(*step(outputs, (1,) * (3 if faces else 2), 1))

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same length in time."""
        return self.merge(F.relu(self.branches[0](x) + self.branches[1](x)))


class LightASD(nn.Module):
    """Encoders of faces and sound, and what judges their sum."""

    def __init__(self) -> None:
        super().__init__()
        pairs = list(zip((1, *WIDTHS), WIDTHS, strict=False))
        self.faces = nn.ModuleList(
            Block(a, b, True, stride=2 if index == 0 else 1) for index, (a, b) in enumerate(pairs)
        )
        self.sound = nn.ModuleList(Block(a, b, False) for a, b in pairs)
        width = WIDTHS[-1]
        self.forth = nn.GRU(width, width, batch_first=True)
        self.back = nn.GRU(width, width, batch_first=True)
        self.speaks = nn.Linear(width, 2)
        self.requires_grad_(False)
        self.eval()

    def encode_faces(self, faces: Tensor) -> Tensor:
        """[T,128] of gray faces, 0 to 255, [T,112,112]."""
        x = ((faces / 255 - GRAY_MEAN) / GRAY_SPREAD)[None, None]
        for index, block in enumerate(self.faces):
            if index:
                x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
            x = block(x)
        return x[0].amax(dim=(2, 3)).T

    def encode_sound(self, rows: Tensor) -> Tensor:
        """[T,128] of cepstra [4 T,13]."""
        x = rows.T[None, None]
        for index, block in enumerate(self.sound):
            if index:
                x = F.max_pool2d(x, (1, 3), (1, 2), (0, 1))
            x = block(x)
        return x[0].mean(dim=1).T

    def forward(self, faces: Tensor, sound: Tensor) -> Tensor:
        """Scores [B,T] of encoded faces and sound [B,T,128]; above 0: this face speaks."""
        x = F.gelu(self.forth(faces + sound)[0])
        x = F.gelu(self.back(x.flip(1))[0].flip(1))
        return self.speaks(x)[..., 1]


def load_light_asd(path: Path, device: str = "cpu") -> LightASD:
    """Read the published weights, as `.model` or under the same names as `.safetensors`.

    Args:
        path: the file.
        device: where the network runs.

    Raises:
        UserError: the file is missing or holds another network.
    """
    network = LightASD()
    state = {own: v for name, v in read_weights(path).items() if (own := own_name(name))}
    fill(network, state, path, "Light-ASD under its own names")
    return network.to(device)


def own_name(name: str) -> str:
    """Name in `LightASD` of a published tensor; empty for those that are not needed here.

    Blocks name their layers `s_3`, `bn_s_3` (across faces), `m_3` (across cepstra), `t_5` (along
    time), `last`; here they are numbered as they follow each other.
    """
    found = re.fullmatch(
        r"model\.(visual|audio)Encoder\.block(\d)\.(bn_)?(\w+?)(?:_(\d))?\.(\w+)", name
    )
    if found:
        encoder, block, norm, layer, kernel, rest = found.groups()
        place = f"{'faces' if encoder == 'visual' else 'sound'}.{int(block) - 1}"
        if layer == "last":
            return f"{place}.merge.{1 if norm else 0}.{rest}"
        index = (3 if layer == "t" else 0) + (1 if norm else 0)
        return f"{place}.branches.{0 if kernel == '3' else 1}.{index}.{rest}"
    for theirs, ours in (
        ("model.GRU.gru_forward.", "forth."),
        ("model.GRU.gru_backward.", "back."),
        ("lossAV.FC.", "speaks."),
    ):
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return ""


@torch.no_grad()
def in_chunks(
    encode: Callable[[Tensor], Tensor], rows: np.ndarray, per_frame: int, device: str = "cpu"
) -> Tensor:
    """Encode a long sequence piece by piece, each with its neighbors: the same to rounding.

    Args:
        encode: rows -> numbers per frame, with a reach of at most CONTEXT frames.
        rows: [T * per_frame, ...].
        per_frame: rows per frame.
        device: where it runs.

    Returns:
        float32 [T,128].
    """
    frames, found = len(rows) // per_frame, []
    for first in range(0, frames, CHUNK):
        last = min(first + CHUNK, frames)
        begin, end = max(0, first - CONTEXT), min(frames, last + CONTEXT)
        piece = torch.from_numpy(rows[begin * per_frame : end * per_frame]).to(device).float()
        found.append(encode(piece)[first - begin : last - begin].cpu())
    return torch.cat(found)
