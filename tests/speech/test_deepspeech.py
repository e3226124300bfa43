"""DeepSpeech checkpoints: read without running them."""

import numpy as np
import pytest
import torch

from tests.support.sounds import small_state, voice
from unigs.media.audio import RATE
from unigs.speech.deepspeech import DeepSpeech2, load_deepspeech, read_deepspeech, spectrogram
from unigs.stage.errors import UserError


@pytest.mark.parametrize("both", [True, False])
def test_deepspeech_reads_its_sizes_off_the_weights(tmp_path, both):
    state = small_state(both)
    torch.save({"state_dict": state}, tmp_path / "d.ckpt")
    net = load_deepspeech(tmp_path / "d.ckpt")
    logits = net.transcribe(torch.from_numpy(voice(1.0)))
    assert logits.shape == (51, 29)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, state[name])


def batch_normed(x, s, name, axis):
    """Rows as a batch normalization in evaluation gives them."""
    w, b, mean, var = (
        s[f"{name}.{p}"].double().numpy() for p in ("weight", "bias", "running_mean", "running_var")
    )
    shape = [1] * x.ndim
    shape[axis] = -1
    w, b, mean, var = (a.reshape(shape) for a in (w, b, mean, var))
    return (x - mean) / np.sqrt(var + 1e-5) * w + b


def convolved(x, s, name, stride, padding):
    """A convolution of [C,H,W] as a sum over the places of its kernel."""
    weight, bias = s[f"{name}.weight"].double().numpy(), s[f"{name}.bias"].double().numpy()
    padded = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows = (padded.shape[1] - weight.shape[2]) // stride[0] + 1
    columns = (padded.shape[2] - weight.shape[3]) // stride[1] + 1
    out = np.zeros((len(weight), rows, columns)) + bias[:, None, None]
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            seen = padded[:, i : i + stride[0] * rows : stride[0], j : j + stride[1] * columns]
            out += np.einsum("oc,chw->ohw", weight[:, :, i, j], seen[:, :, :: stride[1]])
    return out


def lstm(rows, s, name, end):
    """torch's LSTM, gate by gate: input, forget, new, output."""
    w, u, b, d = (
        s[f"{name}.{p}_l0{end}"].double().numpy()
        for p in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    c, h, out = np.zeros(u.shape[1]), np.zeros(u.shape[1]), []
    for row in rows:
        i, f, g, o = np.split(w @ row + b + u @ h + d, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        out.append(h)
    return np.array(out)


def test_deepspeech_is_the_formula_over_its_weights():
    """Convolutions, both directions of each layer added, batch norms, letters: plain NumPy."""
    state = small_state(both=True)
    generator = torch.Generator().manual_seed(1)
    s = {  # of both signs, and variances that are none of 1
        name: torch.randn(v.shape, generator=generator) * 0.1 if "weight" in name or "bias" in name
        else (v + 0.5 if v.is_floating_point() else v)
        for name, v in state.items()
    }  # fmt: skip
    picture = spectrogram(torch.from_numpy(voice(0.3)))
    x = picture.double().numpy()[None]
    for k, stride, padding in ((0, (2, 2), (20, 5)), (3, (2, 1), (10, 5))):
        x = convolved(x, s, f"conv.seq_module.{k}", stride, padding)
        x = np.clip(batch_normed(x, s, f"conv.seq_module.{k + 1}", 0), 0, 20)
    rows = x.reshape(-1, x.shape[-1]).T
    for k in (0, 1):
        if k:
            rows = batch_normed(rows, s, f"rnns.{k}.batch_norm.module", 1)
        name = f"rnns.{k}.rnn"
        rows = lstm(rows, s, name, "") + lstm(rows[::-1], s, name, "_reverse")[::-1]
    rows = batch_normed(rows, s, "fc.0.module.0", 1)
    expected = rows @ s["fc.0.module.1.weight"].double().numpy().T
    got = DeepSpeech2(s)(picture[None])[0].numpy()
    assert got.shape == expected.shape and expected.std() > 1e-3
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())


def test_spectrogram_of_a_tone_peaks_at_its_bin():
    time = torch.arange(RATE) / RATE
    picture = spectrogram(torch.sin(2 * torch.pi * 1000 * time))
    assert picture.shape == (161, 101)
    assert int(picture.mean(1).argmax()) == 20
    assert float(picture.std()) == pytest.approx(1, abs=1e-3)


class Bomb:
    """Unpickling this with pickle itself would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


def test_checkpoint_runs_no_code(tmp_path):
    state = small_state()
    torch.save({"state_dict": state, "hyper_parameters": Bomb(tmp_path / "boom")}, tmp_path / "b")
    weights = read_deepspeech(tmp_path / "b")
    assert not (tmp_path / "boom").exists()
    assert set(weights) == set(state)
    DeepSpeech2(weights)


def test_other_files_are_refused_by_name(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for name in ("other.ckpt", "text.ckpt"):
        with pytest.raises(UserError, match=name):
            load_deepspeech(tmp_path / name)
