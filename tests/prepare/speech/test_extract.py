"""extract_audio: sound exactly as long as the picture, and in step with it."""

import numpy as np
import pytest

from tests.support.ffmpeg import run_ffmpeg
from unigs.media.audio import read_audio, write_wav
from unigs.media.video import VideoWriter
from unigs.prepare.speech.extract import RATE, extract_audio, fit_length
from unigs.stage.errors import UserError


def clip(path, frames, sound=None, fps=25):
    with VideoWriter(path, 16, 16, fps, "preview", audio=sound) as writer:
        for k in range(frames):
            writer.write(np.full((16, 16, 3), k, np.uint8))
    return path


def click_track(path, seconds, at, rate):
    samples = np.zeros(round(seconds * rate), np.float32)
    start = round(at * rate)
    samples[start : start + rate // 100] = 0.8
    write_wav(path, samples, rate)
    return path


@pytest.mark.parametrize("seconds", [1.5, 2.7])
def test_length_is_the_pictures_and_a_click_stays_in_place(tmp_path, seconds):
    sound = click_track(tmp_path / "s.wav", seconds, at=1.2, rate=44100)
    video = clip(tmp_path / "v.mp4", 50, sound)
    extract_audio(video, tmp_path / "audio.wav")
    heard = read_audio(tmp_path / "audio.wav", RATE)
    assert len(heard) == 50 * RATE // 25
    first = np.flatnonzero(np.abs(heard) > 0.3)[0] / RATE
    assert first == pytest.approx(1.2, abs=0.01)


def test_clip_without_sound_is_one_sentence(tmp_path):
    video = clip(tmp_path / "mute.mp4", 10)
    with pytest.raises(UserError, match=r"mute\.mp4 has no audio.*talking portrait needs"):
        extract_audio(video, tmp_path / "audio.wav")
    assert not (tmp_path / "audio.wav").exists()


@pytest.mark.parametrize("level", [0.0, 0.4])
def test_silent_sound_is_one_sentence(tmp_path, level):
    """Complete silence, and a constant, which no one hears either."""
    write_wav(tmp_path / "silence.wav", np.full(2 * RATE, level), RATE)
    video = clip(tmp_path / "hush.mkv", 50, tmp_path / "silence.wav")
    if level:  # the fades of the lossy codec are no voice, but louder than nothing
        run_ffmpeg(
            ["-i", str(video), "-i", str(tmp_path / "silence.wav"), "-map", "0:v", "-map", "1:a",
             "-c:v", "copy", "-c:a", "pcm_s16le", str(tmp_path / "flat.mkv")], "put in a constant",
        )  # fmt: skip
        video = tmp_path / "flat.mkv"
    with pytest.raises(UserError, match=r"\.mkv has an audio track without any sound: .* voice"):
        extract_audio(video, tmp_path / "audio.wav")
    assert not (tmp_path / "audio.wav").exists()


def test_fit_length_cuts_and_fills_with_silence():
    np.testing.assert_array_equal(fit_length(np.ones(5), 3), np.ones(3))
    np.testing.assert_array_equal(fit_length(np.ones(2), 4), [1, 1, 0, 0])
