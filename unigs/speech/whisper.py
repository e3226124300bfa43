"""The encoder of OpenAI's Whisper for inference: what its layers hear, 50 times a second.

Names of the weights are OpenAI's; all sizes are read off them. The sound comes in as
`unigs.speech.whisper_mel` makes it.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from unigs.pretrained.weights import read_weights
from unigs.stage.errors import UserError

HEAD = 64
"""Width of an attention head in every size of Whisper."""
LEAST_ROWS = 500
"""Rows that a window must be allowed to have: 10 s, of Whisper's 30."""
PREFIX = "encoder."
"""How the names of the encoder's weights begin; a file may hold a decoder as well."""


class Attention(nn.Module):
    """Attention of every row to every row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,R,S] to [B,R,S]."""
        heads = (
            part(x).unflatten(-1, (-1, HEAD)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(*heads)
        return self.out(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """One layer: attention and two linear maps, each added to what comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn, self.attn_ln = Attention(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,R,S] to [B,R,S]."""
        x = x + self.attn(self.attn_ln(x))
        return x + self.mlp(self.mlp_ln(x))


class WhisperEncoder(nn.Module):
    """Two convolutions over the spectrogram and layers of attention.

    Args:
        bands: mel bands.
        width: numbers of a row, S.
        layers: number of layers.
        rows: longest window, in rows.
    """

    def __init__(self, bands: int, width: int, layers: int, rows: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(bands, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positional_embedding = nn.Parameter(torch.zeros(rows, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.ln_post = nn.LayerNorm(width)

    @torch.no_grad()
    def forward(self, mel: torch.Tensor, layer: int) -> torch.Tensor:
        """States of a layer.

        Args:
            mel: spectrograms [B,bands,C], C at most twice `rows`.
            layer: 1 is the first; the last one's states are normalized as the decoder gets them.

        Returns:
            [B, (C + 1) // 2, S]; row i is centered on column 2 i.
        """
        x = functional.gelu(self.conv1(mel))
        x = functional.gelu(self.conv2(x)).mT
        x = x + self.positional_embedding[: x.shape[1]]
        for block in self.blocks[:layer]:
            x = block(x)
        return self.ln_post(x) if layer == len(self.blocks) else x


def load_whisper(path: Path) -> WhisperEncoder:
    """The encoder of a file of Whisper's weights.

    Raises:
        UserError: the file cannot be read, or its weights are not those of a Whisper encoder.
    """
    state = {
        name.removeprefix(PREFIX): value
        for name, value in read_weights(path).items()
        if name.startswith(PREFIX)
    }
    advice = "give a file with OpenAI's names of Whisper's weights, or get it anew."
    if wrong := _fault(state):
        raise UserError(f"{path} is not a Whisper encoder: {wrong}: {advice}")
    net = WhisperEncoder(*_sizes(state))
    net.load_state_dict(state)  # converts to float32
    return net.eval()


def _fault(state: dict[str, torch.Tensor]) -> str | None:
    """What is wrong with an encoder's weights, or None."""
    for name, dimensions in (("conv1.weight", 3), ("positional_embedding", 2)):
        if name not in state or state[name].dim() != dimensions:
            return f"there is no {PREFIX}{name} with {dimensions} dimensions"
    bands, width, layers, rows = _sizes(state)
    if not layers or not width or width % HEAD or not bands or rows < LEAST_ROWS:
        return (
            f"{layers} layers of {width} numbers from {bands} bands, {rows} places (the width must "
            f"be a multiple of {HEAD}, and there must be at least {LEAST_ROWS} places)"
        )
    with torch.device("meta"):
        wanted = WhisperEncoder(bands, width, layers, rows).state_dict()
    if missing := [name for name in wanted if name not in state]:
        return f"{PREFIX}{missing[0]} is missing"
    if strange := [name for name in state if name not in wanted]:
        return f"{PREFIX}{strange[0]} is unknown"
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            shapes = [" x ".join(map(str, x.shape)) for x in (value, wanted[name])]
            return f"{PREFIX}{name} is {shapes[0]}, not {shapes[1]}"
        if not value.is_floating_point():
            return f"{PREFIX}{name} holds {str(value.dtype).removeprefix('torch.')}, not fractions"
        if not bool(value.isfinite().all()):
            return f"{PREFIX}{name} holds values that are no numbers"
    return None


def _sizes(state: dict[str, torch.Tensor]) -> tuple[int, int, int, int]:
    """Mel bands, width, layers and rows of an encoder's weights."""
    numbers = {name.split(".")[1] for name in state if name.startswith("blocks.")}
    width, bands = state["conv1.weight"].shape[:2]
    return bands, width, len(numbers), len(state["positional_embedding"])
