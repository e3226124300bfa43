"""The stage encode_speech."""

import json

import numpy as np
import pytest

from tests.support.sounds import voice
from tests.support.subject import write_table
from unigs.media.audio import RATE, write_wav
from unigs.prepare.speech.encode import encode_speech
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.errors import UserError


def write_clip(folder, frames, seconds, keep=None):
    write_wav(folder / "audio.wav", voice(seconds), RATE)
    write_table(folder / "frames.csv", frames, keep=True if keep is None else keep)


@pytest.mark.parametrize(("backend", "dim"), [("logmel", 40), ("mfcc", 13)])
def test_encode_speech_writes_a_window_for_each_frame(tmp_path, backend, dim):
    write_clip(tmp_path, 100, 4.0)
    chosen = SpeechSettings(backend=backend, coefficients=13)
    encode_speech(tmp_path / "audio.wav", tmp_path / "frames.csv", tmp_path / "f.npz", chosen)
    with np.load(tmp_path / "f.npz") as data:
        features = data["features"]
        assert features.shape == (100, 17, dim) and features.dtype == np.float32
        assert data["mean"].shape == data["std"].shape == (dim,)
        assert str(data["backend"]) == backend and data["rate"] == 50
        train = features[:90].reshape(-1, dim)
        np.testing.assert_allclose(train.mean(0), 0, atol=1e-3)
        encoder = SpeechEncoder.from_dict(json.loads(str(data["encoder"])))
        np.testing.assert_allclose(encoder.silence, data["silence"], atol=1e-5)


def test_beyond_the_ends_of_a_clip_speech_is_unknown_not_silent(tmp_path):
    write_clip(tmp_path, 100, 4.0)
    encode_speech(
        tmp_path / "audio.wav", tmp_path / "frames.csv", tmp_path / "f.npz", SpeechSettings()
    )
    with np.load(tmp_path / "f.npz") as data:
        outside = data["features"][[0, -1], [0, -1]]
        assert np.abs(outside).max() < 0.3
        assert np.abs(outside - data["silence"][0]).max() > 0.5


def test_lengths_that_differ_name_both_files_and_numbers(tmp_path):
    write_clip(tmp_path, 100, 3.5)
    with pytest.raises(UserError, match=r"audio\.wav lasts 87\.5 frames.*frames\.csv has 100"):
        encode_speech(
            tmp_path / "audio.wav", tmp_path / "frames.csv", tmp_path / "f.npz", SpeechSettings()
        )
