"""Windows of speech features, of the own clip and of other recordings."""

import json

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sounds import fitted, voice
from unigs.media.audio import RATE
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.errors import UserError


@pytest.mark.parametrize("fps", [25.0, 30.0, 29.97])
def test_frame_k_hears_its_own_time(fps):
    frame = 40
    samples = np.zeros(4 * RATE, np.float32)
    middle = int((frame + 0.5) / fps * RATE)
    samples[middle - 80 : middle + 80] = 0.5
    encoder = SpeechEncoder(SpeechSettings())
    raw = encoder.windows(encoder.columns(samples), 90, fps)
    loudness = raw.mean(2)
    row, column = np.unravel_index(loudness.argmax(), loudness.shape)
    center = encoder.width // 2
    assert abs(loudness[frame].argmax() - center) <= 1
    assert abs((row - frame) / fps * 50 + column - center) <= 1


def test_beyond_the_ends_there_is_silence_not_repeated_speech():
    encoder, windows = fitted(voice(2.0) + 0.1, 50)
    half = encoder.width // 2
    np.testing.assert_allclose(windows[0, : half - 1], encoder.silence[: half - 1], atol=1e-5)
    assert np.abs(windows[0, half + 2] - encoder.silence[0]).max() > 0.5


def test_silence_is_what_zeros_sound_like():
    encoder, _ = fitted(voice(2.0), 50)
    windows = encoder.encode(np.zeros(RATE, np.float32), 25, 25.0)
    np.testing.assert_allclose(windows[12], encoder.silence, atol=1e-4)


def test_normalized_over_the_training_frames():
    _, windows = fitted(voice(4.0), 100)
    np.testing.assert_allclose(windows.mean((0, 1)), 0, atol=1e-3)
    np.testing.assert_allclose(windows.std((0, 1)), 1, atol=1e-3)


@given(gain=st.floats(-30, 6))
@settings(max_examples=10)
def test_a_recording_sounds_the_same_at_every_volume(gain):
    samples = voice(2.0)
    encoder, windows = fitted(samples, 50)
    encoder.learn_profile(samples, encoder.columns(samples))
    louder = encoder.encode(samples * 10 ** (gain / 20), 50, 25.0)
    np.testing.assert_allclose(louder, encoder.encode(samples, 50, 25.0), atol=2e-3)
    # The clip's own sound is not changed, but for its rarest columns.
    assert (np.abs(louder - windows) < 2e-3)[:, 2:-2].mean() > 0.95


def test_another_microphone_does_not_change_what_is_heard():
    samples, noise = voice(4.0), np.random.default_rng(3).normal(size=4 * RATE) * 1e-3
    samples = samples + noise.astype(np.float32)
    encoder, windows = fitted(samples, 100)
    dull = scipy.signal.lfilter([0.3], [1, -0.7], samples).astype(np.float32)
    before = np.abs(encoder.encode(dull, 100, 25.0) - windows)[5:-5].mean()
    encoder.learn_profile(samples, encoder.columns(samples))
    after = np.abs(encoder.encode(dull, 100, 25.0) - windows)[5:-5].mean()
    assert after < 0.3 * before
    low, high = windows.min((0, 1)), windows.max((0, 1))
    shouted = encoder.encode(np.tanh(50 * samples), 100, 25.0)[10:-10]
    assert (shouted >= low - 1e-3).all() and (shouted <= high + 1e-3).all()


def test_foreign_recording_keeps_the_clips_normalisation():
    encoder, _ = fitted(voice(4.0), 100)
    again = SpeechEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    other = voice(2.0, seed=5)
    np.testing.assert_allclose(
        again.encode(other, 50, 25.0), encoder.encode(other, 50, 25.0), atol=1e-4
    )
    # Its own statistics were not used: they differ from the clip's.
    assert abs(again.encode(other, 50, 25.0).std() - 1) > 1e-3


def holed(row):
    return [*row[:-1], float("nan")]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("std"),
        lambda d: d.update(mean="text"),
        lambda d: d.update(mean=[0.0, 0.0]),
        lambda d: d.update(mean=holed(d["mean"])),
        lambda d: d.update(std=[0.0] * len(d["std"])),
        lambda d: d.update(colour="bright"),
        lambda d: d["colour"].update(low=d["colour"]["low"][1:]),
        lambda d: d["colour"].update(high=holed(d["colour"]["high"])),
        lambda d: d["settings"].update(bands=-5),
        lambda d: d["settings"].update(step_ms=float("nan")),
        lambda d: d["settings"].update(context_ms=1e30),
        lambda d: d["settings"].update(level_db=float("nan")),
        lambda d: d["settings"].update(depth=3),
    ],
)
def test_a_damaged_encoder_is_one_sentence(tmp_path, change):
    made = SpeechEncoder(SpeechSettings())
    columns = made.columns(voice(2.0))
    made.fit(made.windows(columns, 50, 25.0))
    made.learn_profile(voice(2.0), columns)
    data = made.to_dict()
    again = SpeechEncoder.from_json(json.dumps(data), tmp_path / "f.npz")
    np.testing.assert_allclose(again.columns(voice(2.0)), columns)
    change(data)
    for text in (json.dumps(data), "{", "[]", "[" * 100_000):
        with pytest.raises(UserError, match=r"f\.npz was written by .* damaged: run encode_speech"):
            SpeechEncoder.from_json(text, tmp_path / "f.npz")
