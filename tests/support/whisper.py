"""Whisper encoders for the tests: small made ones, and the real one where it has been fetched."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.support.sounds import voice
from unigs.speech.loudness import normalize_level
from unigs.speech.whisper import PREFIX, WhisperEncoder, load_whisper
from unigs.speech.whisper_mel import floor_of
from unigs.speech.whisper_windows import Listener

REAL = (
    Path(os.environ.get("UNIGS_TEST_MODELS", "resources/models")).absolute()
    / "whisper-tiny-en.safetensors"
)
needs_real = pytest.mark.skipif(not REAL.is_file(), reason=f"there is no {REAL.name}")
FLOOR = floor_of(-23.0)


def made_net(width=64, layers=3, rows=500, bands=80, seed=0):
    """An encoder with random weights and Whisper's waves for positions."""
    torch.manual_seed(seed)
    net = WhisperEncoder(bands, width, layers, rows).eval()
    speed = 10000 ** (-torch.arange(width // 2) / (width // 2 - 1))
    phase = torch.arange(rows)[:, None] * speed
    net.positional_embedding.data = torch.cat([phase.sin(), phase.cos()], 1)
    return net


def made_file(folder, **sizes):
    """A file as people get it: float16, with a decoder's weights beside the encoder's."""
    state = {PREFIX + name: value.half() for name, value in made_net(**sizes).state_dict().items()}
    path = folder / "whisper-tiny-en.safetensors"
    save_file(state | {"decoder.ln.weight": torch.ones(4)}, path)
    return path


def real_listener(layer=2):
    return Listener(load_whisper(REAL), layer, FLOOR)


def leveled(seconds, seed=0):
    return normalize_level(voice(seconds, seed), -23.0)


def torch_states(net, mel, layer):
    """The states of a layer by torch's TransformerEncoderLayer."""
    width = net.conv1.out_channels
    made = []
    for block in net.blocks:
        twin = nn.TransformerEncoderLayer(
            width, width // 64, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        a = block.attn
        twin.self_attn.in_proj_weight.data = torch.cat(
            [a.query.weight, a.key.weight, a.value.weight]
        )
        twin.self_attn.in_proj_bias.data = torch.cat(
            [a.query.bias, torch.zeros(width), a.value.bias]
        )
        for own, other in (
            (twin.self_attn.out_proj, a.out),
            (twin.norm1, block.attn_ln),
            (twin.norm2, block.mlp_ln),
            (twin.linear1, block.mlp[0]),
            (twin.linear2, block.mlp[2]),
        ):
            own.weight.data, own.bias.data = other.weight.data, other.bias.data
        made.append(twin)
    trunk = nn.Sequential(
        nn.Conv1d(net.conv1.in_channels, width, 3, 1, 1), nn.GELU(),
        nn.Conv1d(width, width, 3, 2, 1), nn.GELU(),
    )  # fmt: skip
    trunk.load_state_dict(
        {f"{k}.{name}": value for k, conv in ((0, net.conv1), (2, net.conv2))
         for name, value in conv.state_dict().items()}
    )  # fmt: skip
    with torch.no_grad():
        x = trunk(mel).transpose(1, 2)
        x = x + net.positional_embedding[: x.shape[1]]
        for twin in made[:layer]:
            x = twin.train()(x)  # without torch's fused path: the plain formula
        return net.ln_post(x) if layer == len(made) else x
