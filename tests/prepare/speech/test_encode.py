"""The stage encode_speech."""

import json

import numpy as np
import pytest

from tests.prepare.speech.test_offset import speaking
from tests.support.sounds import voice
from tests.support.subject import write_table
from unigs.media.audio import RATE, write_wav
from unigs.prepare.speech.encode import encode_speech
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.errors import UserError
from unigs.subject.features import Landmarks


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


@pytest.mark.parametrize("delay", [3, -3])
def test_windows_of_a_delayed_sound_are_those_of_the_sound_in_sync(tmp_path, delay):
    """The lips are as open as the next frame is loud, and as narrow as it is shrill.

    Windows are so short that at a wrong offset they do not hold what the lips show.
    """
    frames, step = 260, RATE // 25
    sound = voice(frames / 25 + 1)
    rows = sound[step : step * (frames + 1)].reshape(frames, step)
    loud = np.log(rows.std(1) + 0.01)
    shrill = (np.diff(np.sign(rows)) != 0).mean(1)
    lips = np.stack([(x - x.mean()) / x.std() for x in (loud, -shrill)], 1)
    marks = speaking(lips).astype(np.float32)
    Landmarks(marks, np.ones(frames, bool), 64, "test").write(tmp_path / "marks.npz")
    write_table(tmp_path / "frames.csv", frames)
    late = np.roll(sound, delay * step)

    def encoded(name, samples, landmarks=None):
        write_wav(tmp_path / "audio.wav", samples[: frames * step], RATE)
        settings = SpeechSettings(backend="logmel", context_ms=120, max_offset=6)
        encode_speech(
            tmp_path / "audio.wav", tmp_path / "frames.csv", tmp_path / name, settings, landmarks
        )
        with np.load(tmp_path / name) as data:
            return data["features"], float(data["offset"])

    in_sync, none = encoded("sync.npz", sound)
    mended, offset = encoded("mended.npz", late, tmp_path / "marks.npz")
    left, _ = encoded("late.npz", late)
    assert none == 0 and offset == delay

    def alike(windows):
        inner = slice(20, frames - 20)
        return np.corrcoef(windows[inner].ravel(), in_sync[inner].ravel())[0, 1]

    assert alike(mended) > 0.95 and alike(left) < 0.7
