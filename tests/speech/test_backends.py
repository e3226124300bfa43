"""Speech back-ends."""

import sys
from importlib.machinery import ModuleSpec
from pickle import UnpicklingError
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from tests.support.sounds import fitted, small_state, voice
from unigs.media.audio import RATE
from unigs.settings.speech import SpeechSettings
from unigs.speech.backends import make_backend, resample_rows
from unigs.stage.errors import UserError


def test_long_recordings_are_encoded_as_in_one_piece(monkeypatch):
    samples = voice(3.0)
    whole = make_backend(SpeechSettings()).columns(samples)
    monkeypatch.setattr("unigs.speech.backends.PIECE", 17)
    np.testing.assert_allclose(make_backend(SpeechSettings()).columns(samples), whole, atol=1e-4)
    assert len(whole) == 3 * 50 + 1


def test_a_network_without_its_file_says_what_to_set(tmp_path):
    for backend in ("deepspeech", "wav2vec2"):
        with pytest.raises(UserError, match=f"{backend} needs a model.*speech.model"):
            make_backend(SpeechSettings(backend=backend, model=str(tmp_path / "none")))


def test_rows_are_interpolated_in_time():
    rows = np.arange(10.0)[:, None]
    np.testing.assert_allclose(
        resample_rows(rows, 20, 10, 1600)[:, 0], np.arange(11) * 0.5, atol=1e-6
    )


def test_deepspeech_backend_has_a_row_every_step(tmp_path):
    torch.save({"state_dict": small_state()}, tmp_path / "d.ckpt")
    chosen = SpeechSettings(backend="deepspeech", model=str(tmp_path / "d.ckpt"))
    encoder, windows = fitted(voice(2.0), 50, backend="deepspeech", model=chosen.model)
    assert windows.shape == (50, 17, 29)
    assert np.isfinite(windows).all()


def test_more_coefficients_than_bands_are_refused():
    with pytest.raises(UserError, match="coefficients is 60, but there are only 40 bands"):
        make_backend(SpeechSettings(backend="mfcc", bands=40, coefficients=60))


@pytest.mark.parametrize("backend", ["logmel", "mfcc"])
def test_columns_between_samples_are_refused(backend):
    with pytest.raises(UserError, match=r"33\.3, which is 532\.8 samples .* to 33\.3125"):
        make_backend(SpeechSettings(backend=backend, step_ms=33.3))
    assert make_backend(SpeechSettings(backend=backend, step_ms=33.3125)).hop == 533


class FakeTransformer:
    """Four layers, whose states tell the layer; 320 samples a row, as wav2vec2 has them."""

    config = SimpleNamespace(num_hidden_layers=4)

    def eval(self):
        return self

    def __call__(self, heard, output_hidden_states):
        rows = (heard.shape[1] - 400) // 320 + 1
        states = tuple(torch.full((1, rows, 6), float(k)) for k in range(5))
        return SimpleNamespace(last_hidden_state=states[-1], hidden_states=states)


class Loudest(FakeTransformer):
    """Rows tell the loudest of the 400 samples that they see."""

    def __call__(self, heard, output_hidden_states):
        rows = heard[0].abs().unfold(0, 400, 320).amax(1)[None, :, None]
        return SimpleNamespace(last_hidden_state=rows, hidden_states=(rows,) * 5)


@pytest.fixture
def transformers(monkeypatch):
    """A package that stands in for transformers; its loader is set by the test."""
    fake = ModuleType("transformers")
    fake.AutoModel, fake.__spec__ = SimpleNamespace(), ModuleSpec("transformers", None)
    monkeypatch.setitem(sys.modules, "transformers", fake)
    return fake.AutoModel


@pytest.mark.parametrize(
    "error, words",
    [
        (
            UnpicklingError("Re-run torch.load with\nweights_only=False"),
            "damaged .UnpicklingError.: get",
        ),
        (RuntimeError("TorchScript"), "without running code from it"),
        (
            ValueError("contains custom\ncode"),
            "is not a wav2vec2 or HuBERT folder: contains custom code$",
        ),
    ],
)
def test_a_folder_that_cannot_be_read_gets_no_advice_to_run_it(
    tmp_path, transformers, error, words
):
    def from_pretrained(path, **_):
        raise error

    transformers.from_pretrained = from_pretrained
    with pytest.raises(UserError, match=words) as stopped:
        make_backend(SpeechSettings(backend="wav2vec2", model=str(tmp_path)))
    assert "weights_only" not in str(stopped.value) and "\n" not in str(stopped.value)


@pytest.mark.parametrize("row", [0, 50, 1000, 1049])
def test_a_row_of_wav2vec2_is_centered_on_its_time(tmp_path, transformers, row):
    """Alone the row sees a click at its time, in either of two pieces and at both ends."""
    transformers.from_pretrained = lambda path, **how: Loudest()
    (tmp_path / "config.json").write_text("{}")
    made = make_backend(SpeechSettings(backend="wav2vec2", model=str(tmp_path)))
    click = np.zeros(RATE * 21, np.float32)
    click[row * 320] = 1
    columns = made.columns(click)
    assert np.flatnonzero(columns[:, 0] > 0.5 * columns.max()).tolist() == [row]


@pytest.mark.parametrize(("layer", "heard"), [(0, 4), (3, 3)])
def test_wav2vec2_gives_the_last_layer_or_the_chosen_one(tmp_path, transformers, layer, heard):
    asked = {}

    def from_pretrained(path, **how):
        asked.update(how)
        return FakeTransformer()

    transformers.from_pretrained = from_pretrained
    (tmp_path / "config.json").write_text("{}")
    made = make_backend(SpeechSettings(backend="wav2vec2", model=str(tmp_path), layer=layer))
    assert made.settings.layer == heard
    assert asked == {"local_files_only": True, "trust_remote_code": False}
    columns = made.columns(voice(2.0))
    assert columns.shape == (101, 6) and (columns == heard).all()
    with pytest.raises(UserError, match="layer is 5, but .* has only 4 layers"):
        make_backend(SpeechSettings(backend="wav2vec2", model=str(tmp_path), layer=5))
