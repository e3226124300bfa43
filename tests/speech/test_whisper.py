"""Whisper's encoder against torch's own transformer, and files that are none."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.whisper import (
    FLOOR,
    REAL,
    leveled,
    made_file,
    made_net,
    needs_real,
    torch_states,
)
from unigs.speech.whisper import load_whisper
from unigs.speech.whisper_mel import log_mel, slaney_filters
from unigs.stage.errors import UserError


@pytest.mark.parametrize(("width", "layers", "bands"), [(64, 3, 80), (128, 2, 128)])
def test_states_are_those_of_torchs_transformer(width, layers, bands):
    net = made_net(width, layers, bands=bands)
    mel = torch.randn(2, bands, 301, generator=torch.Generator().manual_seed(1))
    for layer in range(1, layers + 1):
        states = net(mel, layer)
        assert states.shape == (2, 151, width)
        torch.testing.assert_close(states, torch_states(net, mel, layer), atol=1e-4, rtol=0)


@needs_real
@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_real_states_are_those_of_torchs_transformer(layer):
    net = load_whisper(REAL)
    mel = log_mel(torch.from_numpy(leveled(30.0)), slaney_filters(80), FLOOR)[None, :, :3000]
    states = net(mel, layer)
    assert states.shape == (1, 1500, 384)
    torch.testing.assert_close(states, torch_states(net, mel, layer), atol=1e-4, rtol=0)


def test_a_file_with_a_decoder_is_read_in_float32(tmp_path):
    net, made = load_whisper(made_file(tmp_path, width=128)), made_net(width=128)
    for name, value in made.state_dict().items():
        own = net.state_dict()[name]
        assert own.dtype == torch.float32
        torch.testing.assert_close(own, value.half().float())


def swap(state):
    state["encoder.conv1.weight"], state["encoder.conv2.weight"] = (
        state["encoder.conv2.weight"],
        state["encoder.conv1.weight"],
    )


def drop(state):
    del state["encoder.blocks.1.attn.value.bias"]


def add(state):
    state["encoder.blocks.1.attn.key.bias"] = torch.zeros(64)


def spoil(state):
    state["encoder.blocks.2.mlp.0.weight"][3, 4] = float("nan")


def narrow(state):
    state["encoder.blocks.2.mlp.0.weight"] = torch.zeros(64, 64)


def behead(state):
    for name in [name for name in state if name.startswith("encoder.")]:
        del state[name]


def gap(state):
    for name in [name for name in state if name.startswith("encoder.blocks.1.")]:
        del state[name]


def shorten(state):
    state["encoder.positional_embedding"] = torch.zeros(300, 64)


def integers(state):
    state["encoder.blocks.0.attn.key.weight"] = torch.zeros(64, 64, dtype=torch.int8)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (swap, "conv1.weight|multiple of 64|conv2.weight"),
        (drop, "encoder.blocks.1.attn.value.bias is missing"),
        (add, "encoder.blocks.1.attn.key.bias is unknown"),
        (spoil, "encoder.blocks.2.mlp.0.weight holds values that are no numbers"),
        (narrow, "encoder.blocks.2.mlp.0.weight is 64 x 64, not 256 x 64"),
        (behead, "there is no encoder.conv1.weight"),
        (gap, "encoder.blocks.1.* is missing"),
        (shorten, "300 places .*at least 500"),
        (integers, "encoder.blocks.0.attn.key.weight holds int8"),
    ],
)
def test_what_is_no_encoder_is_one_sentence(tmp_path, damage, words):
    path = made_file(tmp_path)
    state = load_file(path)
    damage(state)
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    with pytest.raises(UserError, match=f"whisper-tiny-en.safetensors is not.*(?:{words})") as info:
        load_whisper(path)
    assert "\n" not in str(info.value)


def test_a_truncated_file_is_one_sentence(tmp_path):
    path = made_file(tmp_path)
    content = path.read_bytes()
    for length in (0, 5, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match="cannot be read as weights") as info:
            load_whisper(path)
        assert "\n" not in str(info.value)


def test_filters_are_triangles_of_equal_area_on_slaneys_scale():
    """The scale in closed form: 3 mel per 200 Hz to 1 kHz, then 27 mel per factor of 6.4."""

    def hertz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    top = 15 + 27 * np.log(8) / np.log(6.4)
    corners = [hertz(top * k / 81) for k in range(82)]
    bins = np.arange(201) * 40.0
    for k, row in enumerate(slaney_filters(80).numpy()):
        low, center, high = corners[k : k + 3]
        expected = np.interp(bins, [low, center, high], [0, 2 / (high - low), 0])
        np.testing.assert_allclose(row, expected, atol=1e-7)
    # The widest triangles hold enough bins for the sum to be the area.
    fine = slaney_filters(80).numpy()[60:].sum(1) * 40
    np.testing.assert_allclose(fine, 1, atol=0.02)


def test_the_spectrogram_is_whispers_but_for_its_floor():
    """A loop in float64: frames of 400 samples every 160, Hann, DFT, filters, log10, floor."""
    samples = leveled(1.0)
    padded = np.pad(samples.astype(np.float64), 200)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = [np.abs(np.fft.rfft(padded[k : k + 400] * hann)) ** 2 for k in range(0, 16001, 160)]
    log10 = np.log10(np.maximum(slaney_filters(80).double().numpy() @ np.array(power).T, 1e-10))
    expected = (np.maximum(log10, FLOOR) + 4) / 4
    got = log_mel(torch.from_numpy(samples), slaney_filters(80), FLOOR).numpy()
    assert got.shape == (80, 101)
    np.testing.assert_allclose(got, expected, atol=1e-3)
    assert got.min() == pytest.approx((FLOOR + 4) / 4)


def test_long_spectrograms_are_made_in_pieces(monkeypatch):
    samples, filters = torch.from_numpy(leveled(3.0)), slaney_filters(80)
    whole = log_mel(samples, filters, FLOOR)
    monkeypatch.setattr("unigs.speech.whisper_mel.PIECE", 17)
    torch.testing.assert_close(log_mel(samples, filters, FLOOR), whole, atol=1e-5, rtol=0)
