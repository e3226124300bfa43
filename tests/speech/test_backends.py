"""Speech back-ends."""

import numpy as np
import pytest
import torch

from tests.support.sounds import fitted, small_state, voice
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
