"""Figures of a clip against what is known of it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from unigs.__main__ import main
from unigs.clip_check.figures import ClipFigures
from unigs.clip_check.look import background_change, hair_length
from unigs.clip_check.measure import measure_clip
from unigs.clip_check.sound import measure_sound
from unigs.face.mesh import CHIN, FOREHEAD
from unigs.media.audio import RATE
from unigs.media.ffmpeg import ffmpeg_exe
from unigs.media.video import VideoWriter
from unigs.settings.demo import DemoSettings
from unigs.sources.synthetic.speaker import make_speaker
from unigs.subject.labels import BACKGROUND, FACE, HAIR, TORSO

SPEAKER = DemoSettings(seconds=6.4, size=256, strands=150, head_motion=10)


# Single figures


def test_length_of_hair_in_heights_of_the_face():
    points = np.zeros((2, 478, 3))
    points[:, FOREHEAD, :2], points[:, CHIN, :2] = (50, 20), (50, 60)
    regions = np.full((2, 200, 100), BACKGROUND, np.uint8)
    regions[:, 20:60, 40:60] = FACE
    regions[:, 10:100, 20:40] = HAIR
    reach, below = hair_length(regions, points)
    assert reach == pytest.approx(40 / 40, abs=0.08) and below == pytest.approx(40 / 90, abs=0.02)
    # A head that lies on its side: the same hair, the same length.
    turned = np.rot90(regions, axes=(1, 2))
    points[:, FOREHEAD, :2], points[:, CHIN, :2] = (20, 49), (60, 49)
    assert hair_length(turned, points)[0] == pytest.approx(reach, abs=0.03)
    regions[regions == HAIR] = TORSO
    assert hair_length(regions, points) == (None, None)


def test_a_background_that_changes():
    rng = np.random.default_rng(0)
    wall = rng.integers(0, 200, (64, 64, 1), np.uint8).repeat(3, 2)
    regions = np.zeros((5, 64, 64), np.uint8)
    regions[:, 20:, 20:40] = TORSO
    still = np.stack([wall] * 5)
    still[:, 20:, 20:40] = rng.integers(0, 255, (5, 44, 20, 1), np.uint8)
    assert background_change(still, regions) == 0
    brighter = still + np.arange(5, dtype=np.uint8)[:, None, None, None] * 7
    assert background_change(brighter, regions) == pytest.approx(7, abs=0.01)
    assert background_change(still, np.full_like(regions, TORSO)) is None


def test_level_noise_and_clipping_of_sound():
    rng = np.random.default_rng(0)
    time = np.arange(20 * RATE) / RATE
    loud = (time % 2 < 1.2).astype(float)
    samples = 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 200 * time) * loud
    samples += rng.normal(0, 0.001, len(samples))
    figures = ClipFigures()
    measure_sound(figures, samples.astype(np.float32))
    assert figures.level == pytest.approx(-20, abs=0.3)
    assert figures.noise == pytest.approx(-60, abs=1)
    assert figures.over_noise == pytest.approx(40, abs=1.3)
    assert figures.speech == pytest.approx(0.6, abs=0.03) and figures.clipped == 0
    measure_sound(figures, np.clip(20 * samples, -1, 1).astype(np.float32))
    assert figures.clipped > 0.3


# Clips


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a candidate")
    make_speaker(folder / "speaker.mp4", folder / "truth.npz", SPEAKER)
    return folder / "speaker.mp4"


@pytest.fixture(scope="module")
def checked(speaker):
    """The words of the command, and its JSON."""
    out = speaker.with_name("figures.json")
    words = [sys.executable, "-m", "unigs", "check-clip", str(speaker), "--json", str(out)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout, json.loads(out.read_text())


def test_figures_of_the_synthetic_speaker(checked):
    """22 s long-haired in the demo; here 6.4 s, 256 pixels, head to 10 degrees, in step."""
    figures = checked[1]["figures"]
    assert figures["refused"] is None and figures["seconds"] == pytest.approx(6.4)
    assert (figures["fps"], figures["width"], figures["uneven"]) == (25, 256, 0)
    assert figures["window"] == 256 and figures["kept_seconds"] > 6
    assert figures["no_face"] == figures["second_face"] == figures["head_turn"] == 0
    assert figures["cuts"] == [] and figures["fade"] == 0
    assert 8 < figures["yaw"] < 25
    assert figures["hair_reach"] > 0.35 and figures["hair_below"] > 0.2
    assert figures["torso"] > 0.08 and figures["background"] < 2
    assert abs(figures["late"]) <= 1 and figures["clipped"] == 0 and figures["over_noise"] > 15


def test_words_say_what_to_put_right(checked):
    text, content = checked
    assert "poor  Length: 6 s can be used. To do: film two to five minutes" in text
    assert "Hair: long" in text and "Put right what is poor first" in text
    assert content["score"] < 80 and f"{content['score']} of 100" in text
    assert {finding["grade"] for finding in content["findings"]} <= {"good", "fair", "poor"}
    assert max(map(len, text.splitlines())) <= 100


def joined(speaker, out, *options):
    words = [ffmpeg_exe(), "-v", "error", "-y", *options, str(out)]
    subprocess.run(words, check=True, cwd=speaker.parent)
    return out


def test_a_clip_without_sound_is_judged_by_its_picture(speaker, tmp_path, capsys):
    silent = joined(speaker, tmp_path / "silent.mp4", "-i", str(speaker), "-an", "-c", "copy")
    figures = measure_clip(silent)
    assert figures.refused.startswith(f"{silent} has no audio track")
    assert figures.hair_reach > 0.35 and figures.level is None


def test_a_part_of_a_clip(speaker):
    figures = measure_clip(speaker, start=1.0, stop=4.0)
    assert figures.seconds == pytest.approx(3.0, abs=0.05)
    assert "lasts 3.00 s between start and stop" in figures.refused and figures.window is None


def test_a_clip_without_a_face_ends_well(tmp_path, capsys):
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / "wall.mp4", 128, 128, 25) as writer:
        for _ in range(150):
            writer.write(rng.integers(0, 255, (128, 128, 3), np.uint8))
    main(["check-clip", str(tmp_path / "wall.mp4"), "--json", str(tmp_path / "wall.json")])
    assert "shows no face in any of the frames" in " ".join(capsys.readouterr().out.split())
    assert json.loads((tmp_path / "wall.json").read_text())["figures"]["window"] is None


@pytest.mark.parametrize("content", [None, b"not a video"])
def test_what_is_no_video_is_an_error(tmp_path, capsys, content):
    path = tmp_path / "clip.mp4"
    if content:
        path.write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        main(["check-clip", str(path)])
    assert stopped.value.code == 2 and str(path) in capsys.readouterr().err
