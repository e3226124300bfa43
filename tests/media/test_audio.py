"""Sound files: damaged samples do not spread, and nothing else changes."""

import logging
import os
import subprocess

import numpy as np
import pytest
import soundfile

from unigs.media import audio
from unigs.media.audio import RATE, read_audio, sounding, write_wav
from unigs.stage.errors import UserError

TONE = 0.5 * np.sin(np.arange(2 * RATE) * 0.1).astype(np.float32)


def float_wav(path, samples, rate=RATE):
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_damaged_sample_becomes_silence_and_is_reported(tmp_path, caplog, value):
    samples = TONE.copy()
    samples[24000] = value
    with caplog.at_level(logging.WARNING, "unigs"):
        heard = read_audio(float_wav(tmp_path / "voice.wav", samples))
    samples[24000] = 0
    np.testing.assert_allclose(heard, samples, atol=1e-6)
    assert caplog.messages == [
        f"{tmp_path}/voice.wav holds 1 samples that are no sound (not a number, or too large), "
        "the first at 1.500 s: silence takes their place."
    ]


def test_a_damaged_sample_of_another_rate_does_not_spread(tmp_path):
    """The resampler's filter reaches a few milliseconds to either side."""
    samples = np.repeat(TONE, 3)
    samples[3 * 24000] = np.nan
    heard = read_audio(float_wav(tmp_path / "voice.wav", samples, 3 * RATE))
    clean = read_audio(float_wav(tmp_path / "clean.wav", np.repeat(TONE, 3), 3 * RATE))
    assert np.isfinite(heard).all() and len(heard) == len(clean)
    apart = np.flatnonzero(np.abs(heard - clean) > 1e-4)
    assert len(apart) and np.abs(apart - 24000).max() < 0.01 * RATE


def test_a_recording_that_is_mostly_damage_is_refused(tmp_path):
    samples = TONE.copy()
    samples[::20] = np.nan
    with pytest.raises(UserError, match=r"voice\.wav.*5\.0 %.*are no sound.*export it anew"):
        read_audio(float_wav(tmp_path / "voice.wav", samples))


def test_a_recording_that_would_fill_the_memory_is_not_read_to_its_end(tmp_path, monkeypatch):
    run, decoded = subprocess.run, []

    def watched(*words, **options):
        done = run(*words, **options)
        decoded.append(len(done.stdout) // 4)
        return done

    write_wav(tmp_path / "long.wav", np.zeros(5 * RATE))
    write_wav(tmp_path / "fits.wav", TONE)
    monkeypatch.setattr(audio, "LONGEST", 2 / 3600)
    monkeypatch.setattr(subprocess, "run", watched)
    with pytest.raises(UserError, match=r"long\.wav lasts longer than .* hours: give a part of it"):
        read_audio(tmp_path / "long.wav")
    assert decoded == [3 * RATE]
    assert len(read_audio(tmp_path / "fits.wav")) == 2 * RATE


def test_a_name_that_is_no_utf8_is_one_sentence(tmp_path):
    path = tmp_path / os.fsdecode(b"gr\xfc\xdfe.wav")
    write_wav(path, np.zeros(100))
    with pytest.raises(UserError, match=r"/gr\\xfc\\xdfe\.wav cannot .* no UTF-8: rename"):
        read_audio(path)


def test_sound_samples_are_not_touched(tmp_path, caplog):
    loud = np.float32(1.5) * TONE  # beyond full scale, as float files may be
    np.testing.assert_array_equal(read_audio(float_wav(tmp_path / "loud.wav", loud)), loud)
    assert not caplog.messages


def test_where_a_recording_sounds(tmp_path):
    samples = np.zeros(5 * 16000)
    write_wav(tmp_path / "a.wav", samples)
    assert sounding(tmp_path / "a.wav") == (0, 0)
    samples[16000 : 3 * 16000] = 0.1
    write_wav(tmp_path / "b.wav", samples)
    assert sounding(tmp_path / "b.wav") == (1, 3)
