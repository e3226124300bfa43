"""Sources that are not what their header says: noticed, with the second and what to do."""

import json
import logging
import re

import numpy as np
import pytest

from tests.support import astronaut
from tests.support.ffmpeg import run_ffmpeg
from unigs.media.audio import write_wav
from unigs.media.timing import read_timing
from unigs.media.video import frame_count, read_video
from unigs.prepare.clip.crop import crop_clip
from unigs.settings.crop import CropSettings
from unigs.stage.errors import UserError

SETTINGS = CropSettings(size=128, sample_every=1.0)
SECONDS = 12
# Copied AAC begins before time 0, and some releases of ffmpeg move all streams for its sake.
COPY = ["-c:v", "copy", "-c:a", "pcm_s16le"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole clip of 12 s in several containers: a face that moves, with noise, and a voice."""
    folder = tmp_path_factory.mktemp("whole sources")
    rng = np.random.default_rng(0)
    write_wav(folder / "voice.wav", 0.1 * rng.normal(size=SECONDS * 16000), 16000)

    def frame(k):
        image = astronaut.placed(192, 192, 8 * np.sin(k / 9), 2, 0.7)
        noise = np.random.default_rng(k).normal(0, 3, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)

    clip = astronaut.write_clip(
        folder / "clip.mp4", frame, SECONDS * 25, audio=folder / "voice.wav"
    )
    run_ffmpeg(["-i", str(clip), "-c", "copy", str(folder / "clip.mkv")], "copy")
    vpx = ["-c:v", "libvpx", "-deadline", "realtime", "-b:v", "2M", "-c:a", "libopus"]
    run_ffmpeg(["-i", str(clip), *vpx, str(folder / "clip.webm")], "encode")
    return folder


def crop(video, tmp_path, **arguments):
    crop_clip(video, tmp_path / "out" / "v.mp4", tmp_path / "out" / "c.json", SETTINGS, **arguments)
    return json.loads((tmp_path / "out" / "c.json").read_text())


def refusal(video, tmp_path, **arguments):
    """The sentence with which crop_clip refuses; nothing is written."""
    with pytest.raises(UserError) as error:
        crop(video, tmp_path, **arguments)
    assert not (tmp_path / "out").exists()
    return str(error.value)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_a_file_cut_off_at_two_thirds_is_refused_and_the_advice_works(folder, tmp_path, suffix):
    whole = (folder / f"clip.{suffix}").read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole[: 2 * len(whole) // 3])
    sentence = refusal(cut, tmp_path)
    found = re.fullmatch(
        rf"{cut} is cut off: its header promises 12\.[01] s but its picture ends at second (\S+); "
        r"fetch it anew, or set stop to (\S+) to use what is surely there\.",
        sentence,
    )
    assert found, sentence
    end, stop = map(float, found.groups())
    assert 6 < stop < end < 10
    facts = crop(cut, tmp_path, stop=stop)
    assert facts["frames"] == frame_count(tmp_path / "out" / "v.mp4")
    assert facts["frames"] == pytest.approx(stop * 25, abs=1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_overwritten_blocks_are_refused_with_their_second(folder, tmp_path, suffix):
    content = bytearray((folder / f"clip.{suffix}").read_bytes())
    at = 2 * len(content) // 3
    content[at : at + 9000] = np.random.default_rng(1).bytes(9000)
    (tmp_path / f"bad.{suffix}").write_bytes(content)
    found = re.fullmatch(
        r".*bad\.\S+ is damaged from second (\S+) on \(\d+ complaints of ffmpeg, the first: .+\): "
        r"fetch it anew, leave the place out by start and stop, .* ffmpeg .*",
        refusal(tmp_path / f"bad.{suffix}", tmp_path),
    )
    second = float(found[1])
    assert 6 < second < 9
    assert crop(tmp_path / f"bad.{suffix}", tmp_path, stop=6.0)["frames"] == 150


def test_damage_is_noticed_wherever_a_video_is_read(folder, tmp_path):
    content = bytearray((folder / "clip.mp4").read_bytes())
    at = len(content) // 2
    content[at : at + 9000] = np.random.default_rng(1).bytes(9000)
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.mp4 is damaged: ffmpeg says: .*; make or fetch it"):
        list(read_video(tmp_path / "bad.mp4"))


def test_whole_files_pass_and_have_no_complaints(folder):
    for suffix in ("mp4", "mkv", "webm"):
        timing = read_timing(folder / f"clip.{suffix}")
        assert not timing.complaints and not timing.cut_off
        assert len(timing.times) == SECONDS * 25 + 1
        assert timing.sound_end == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("start", [None, 2.51])
def test_a_constant_offset_of_the_picture_moves_the_clock_not_the_pixels(folder, tmp_path, start):
    """21 ms, as muxers write for the sound's lead: every frame would be 19 ms off."""
    late = tmp_path / "late.mkv"
    run_ffmpeg(
        ["-itsoffset", "0.021", "-i", str(folder / "clip.mp4"), "-i", str(folder / "clip.mp4"),
         "-map", "0:v", "-map", "1:a", *COPY, str(late)],
        "delay the picture",
    )  # fmt: skip
    facts = crop(late, tmp_path, start=start)
    assert facts["carried"] == []
    frames = SECONDS * 25 - (0 if start is None else 63)
    assert facts["frames"] == frames
    first = 0.021 if start is None else 2.541
    assert facts["start"] == pytest.approx(first, abs=2e-3)
    # Frame k is source frame k, and nothing is shown twice.
    own = list(read_video(tmp_path / "out" / "v.mp4"))
    moves = [np.abs(a.astype(float) - b).mean() for a, b in zip(own, own[1:], strict=False)]
    assert min(moves) > 0.2


def test_a_picture_that_begins_late_begins_the_clip(folder, tmp_path, caplog):
    late = tmp_path / "late.mkv"
    run_ffmpeg(
        ["-itsoffset", "3", "-i", str(folder / "clip.mp4"), "-i", str(folder / "clip.mp4"),
         "-map", "0:v", "-map", "1:a", *COPY, str(late)],
        "delay the picture",
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, "unigs"):
        facts = crop(late, tmp_path)
    assert facts["start"] == pytest.approx(3, abs=0.01) and facts["frames"] == SECONDS * 25
    assert f"{late} shows its first frame at second 3.0: the clip begins there." in caplog.messages
    # Its last three seconds have no sound.
    assert f"{late} is silent from second 9.0 of the clip on." in caplog.messages


def test_a_gap_in_the_picture_is_named(folder, tmp_path, caplog):
    gap = tmp_path / "gap.mkv"
    run_ffmpeg(
        ["-i", str(folder / "clip.mp4"), "-vf", "select='lt(t,4)+gt(t,7)'", "-fps_mode",
         "passthrough", *COPY[2:], str(gap)],
        "leave out three seconds",
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, "unigs"):
        crop(gap, tmp_path)
    assert any(
        re.search(r"gap\.mkv shows no new frame from second 4\.0 to 7\.0: .* column remove", line)
        for line in caplog.messages
    )


def test_a_frozen_picture_is_refused(tmp_path):
    still = astronaut.write_clip(
        tmp_path / "still.mp4", lambda k: astronaut.placed(192, 192, 5, 2, 0.7), 150
    )
    # Coded badly, as on the web: its blocks pulse.
    coarse = tmp_path / "coarse.mp4"
    run_ffmpeg(["-i", str(still), "-crf", "30", "-g", "12", str(coarse)], "code coarsely")
    for video in (still, coarse):
        assert "shows a picture that stands still: " in refusal(video, tmp_path)
