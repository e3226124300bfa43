"""Video files: exact, in step, refused in one sentence."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from unigs.media.audio import read_audio, write_wav
from unigs.media.timing import read_timing
from unigs.media.video import VideoWriter, frame_count, probe, read_video
from unigs.prepare.clip.sound import cut_audio
from unigs.stage.errors import UserError

RNG = np.random.default_rng(0)


def moving_square(frames: int, size: int = 64) -> list[np.ndarray]:
    """A white square that moves two pixels a frame on a smooth colored ground."""
    y, x = np.mgrid[:size, :size]
    ground = np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8)
    clip = []
    for k in range(frames):
        frame = ground.copy()
        frame[20:36, 2 * k % 48 : 2 * k % 48 + 16] = 255
        clip.append(frame)
    return clip


def test_lossless_video_is_exact(tmp_path):
    clip = [RNG.integers(0, 256, (34, 50, 3), np.uint8) for _ in range(5)]
    with VideoWriter(tmp_path / "a b.mkv", 50, 34, 25, quality="lossless") as writer:
        for frame in clip:
            writer.write(frame)
    for truth, read in zip(clip, read_video(tmp_path / "a b.mkv"), strict=True):
        np.testing.assert_array_equal(truth, read)


@pytest.mark.parametrize("quality", ["high", "intermediate"])
def test_quality_is_visually_lossless_with_audio_of_the_same_length(tmp_path, quality):
    clip, rate = moving_square(50), 16000
    write_wav(tmp_path / "tone.wav", 0.5 * np.sin(np.arange(2 * rate) * 0.1), rate)
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 64, 64, 25, quality, audio=tmp_path / "tone.wav") as writer:
        for frame in clip:
            writer.write(frame)
    info = probe(path)
    assert (info.width, info.height, info.fps, info.has_audio) == (64, 64, 25.0, True)
    assert frame_count(path) == 50
    # Chroma is stored at half size, so compare luma.
    weights = np.array([0.2126, 0.7152, 0.0722])
    error = [
        ((a - b.astype(float)) @ weights) ** 2 for a, b in zip(clip, read_video(path), strict=True)
    ]
    assert 10 * np.log10(255**2 / np.mean(error)) > 38
    assert abs(len(read_audio(path, rate)) - 2 * rate) < 0.05 * rate


@pytest.mark.parametrize("rate", [23.976, 24000 / 1001, 14.985, 25.0])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_the_rate_is_read_as_it_was_written(tmp_path, rate, name):
    with VideoWriter(tmp_path / name, 64, 64, rate) as writer:
        for frame in moving_square(20):
            writer.write(frame)
    assert probe(tmp_path / name).fps == pytest.approx(rate, rel=1e-9)


def test_what_stages_read_is_no_worse_than_what_people_watch(tmp_path):
    noise = [RNG.normal(0, 4, (64, 64, 3)) for _ in range(25)]
    square = moving_square(25)
    clip = [np.clip(a + b, 0, 255).astype(np.uint8) for a, b in zip(square, noise, strict=True)]
    error = {}
    for quality in ("high", "intermediate"):
        path = tmp_path / f"{quality}.mp4"
        with VideoWriter(path, 64, 64, 25, quality) as writer:
            for frame in clip:
                writer.write(frame)
        frames = zip(clip, read_video(path), strict=True)
        error[quality] = np.mean([(a.astype(float) - b) ** 2 for a, b in frames])
    assert error["intermediate"] < error["high"]


@pytest.mark.parametrize("source_fps", [30000 / 1001, 30.0, 24.0])
def test_resampled_frame_k_shows_time_k_over_25(tmp_path, source_fps):
    """The brightness of a source frame tells its time."""
    count = int(2 * source_fps)
    path = tmp_path / "ramp.mkv"
    with VideoWriter(path, 16, 16, source_fps, quality="lossless", gray=True) as writer:
        for k in range(count):
            writer.write(np.full((16, 16), 2 * k, np.uint8))
    for k, frame in enumerate(read_video(path, fps=25, gray=True)):
        shown = frame[0, 0] / 2 / source_fps
        assert abs(shown - k / 25) <= 0.5 / source_fps + 0.010


def test_crop_and_size(tmp_path):
    clip = moving_square(3)
    path = tmp_path / "clip.mkv"
    with VideoWriter(path, 64, 64, 25, quality="lossless") as writer:
        for frame in clip:
            writer.write(frame)
    for truth, read in zip(clip, read_video(path, crop=(8, 16, 32, 24)), strict=True):
        np.testing.assert_array_equal(truth[16:40, 8:40], read)
    assert next(read_video(path, size=(32, 32))).shape == (32, 32, 3)


def test_bad_files_get_one_sentence(tmp_path):
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(UserError, match="text.mp4"):
        next(read_video(tmp_path / "text.mp4"))
    with pytest.raises(UserError, match="none.wav"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(UserError, match="no audio"):
        read_audio(tmp_path / "text.mp4")


@pytest.mark.parametrize("name", ["10:30.mp4", "-dash.mp4", "concat:a|b.mkv", "100% é {x}.mkv"])
def test_no_name_is_taken_for_a_protocol_or_a_flag(tmp_path, monkeypatch, name):
    """Relative names, as the sheet gives them."""
    monkeypatch.chdir(tmp_path)
    write_wav(Path("tone.wav"), np.zeros(16000))
    with VideoWriter(Path(name), 64, 64, 25, audio=Path("tone.wav")) as writer:
        for frame in moving_square(25):
            writer.write(frame)
    info = probe(Path(name))
    assert (info.width, info.fps, info.has_audio) == (64, 25.0, True)
    assert frame_count(Path(name)) == 25 and len(read_timing(Path(name)).times) == 26
    assert len(read_audio(Path(name))) > 15000
    cut_audio(Path(name), Path(f"{name}.wav"), 0.2, None, 0.5)
    assert len(read_audio(Path(f"{name}.wav"))) == 8000


def test_a_file_without_sound_is_said_to_have_none(tmp_path):
    with VideoWriter(tmp_path / "mute.mp4", 64, 64, 25) as writer:
        writer.write(moving_square(1)[0])
    write_wav(tmp_path / "empty.wav", np.zeros(0))
    for name in ("mute.mp4", "empty.wav"):
        with pytest.raises(UserError, match=rf"{name} has no sound: give a file with an audio"):
            read_audio(tmp_path / name)


def test_a_header_is_read_once_for_each_version_of_a_file(tmp_path, monkeypatch):
    asked = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: asked.append(a) or run(*a, **k))
    for side in (64, 96):
        with VideoWriter(tmp_path / "v.mp4", side, side, 25) as writer:
            writer.write(np.zeros((side, side, 3), np.uint8))
        asked.clear()
        assert probe(tmp_path / "v.mp4").width == side
        assert len(list(read_video(tmp_path / "v.mp4"))) == 1 and len(asked) == 1


def test_frames_are_counted_without_decoding_them(tmp_path, monkeypatch):
    with VideoWriter(tmp_path / "v.mp4", 64, 64, 25) as writer:
        for frame in moving_square(30):
            writer.write(frame)
    monkeypatch.setattr("unigs.media.video._raw_frames", None)
    assert frame_count(tmp_path / "v.mp4") == 30
