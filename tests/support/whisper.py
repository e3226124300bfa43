"""Whisper encoders for the tests: small made ones, and the real one where it has been fetched."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.support.sounds import voice
from unigs.speech.loudness import normalize_level
from unigs.speech.whisper import PREFIX, WhisperEncoder, load_whisper
from unigs.speech.whisper_mel import floor_of
from unigs.speech.whisper_windows import Listener

REAL = Path(os.environ["UNIGS_TEST_MODELS"]).absolute() / "whisper-tiny-en.safetensors"
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
