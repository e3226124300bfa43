"""A driven portrait beside the speaker of the recording, on lips that are known."""

import json

import numpy as np
import pytest

from tests.support.face_points import moving_points
from tests.support.subject import subject_files, write_features, write_table
from unigs.evaluate import foreign_voice
from unigs.evaluate.foreign_voice import Seen, judge_voice, render_rows
from unigs.evaluate.lip_view import FIRST, LipView
from unigs.evaluate.records import find
from unigs.media.video import VideoWriter
from unigs.settings.evaluate import LipJudgeSettings
from unigs.subject.frame_table import read_frame_table


def lips(opening):
    """Lips [T,20,2] that open by `opening` [T] and do nothing else."""
    points = np.zeros((len(opening), 20, 2))
    points[:, :13, 0] = np.linspace(-3, 3, 13)
    points[:, [17, 18, 19], 1] = np.asarray(opening)[:, None]
    return LipView(points)


@pytest.fixture
def speech():
    return np.abs(np.random.default_rng(0).normal(size=200))


def test_lips_that_follow_are_right_and_near(speech):
    seen = Seen(lips(3 * speech), lips(speech), lips(3 * speech), pixel=2.0)
    assert seen.correlations()[0] == pytest.approx(1)
    assert abs(seen.correlations(100)[0]) < 0.2
    assert seen.distance().max() < 1e-9 and seen.distance(100).mean() > 0.1


def test_lips_that_rest_gain_nothing(speech):
    seen = Seen(lips(0 * speech), lips(speech), lips(3 * speech), pixel=2.0)
    assert seen.correlations() == (None, None)
    assert seen.distance(100).mean() == pytest.approx(seen.distance().mean())


def test_distances_are_in_pixels_of_the_portrait(speech):
    near, far = (Seen(lips(0 * speech), lips(speech), lips(speech), p) for p in (1.0, 5.0))
    assert np.allclose(far.distance(), 5 * near.distance())


def test_late_sound_and_other_frame_rates_are_undone(tmp_path):
    write_table(tmp_path / "frames.csv", 50, fps=25)
    table = read_frame_table(tmp_path / "frames.csv")
    rows = np.array([0, 10])
    assert render_rows(rows, table, offset=1.5, fps=25).tolist() == [1.5, 11.5]
    assert render_rows(rows, table, offset=0, fps=50).tolist() == pytest.approx([0, 20])


def person(folder, points):
    files = subject_files(folder)
    write_features(files, len(points), points=points, size=256)
    write_table(files.frame_table, len(points), keep=np.arange(len(points)) != 7)
    return files


def test_the_stage_compares_the_render_with_the_speaker(tmp_path, monkeypatch):
    own, voice = person(tmp_path / "own", moving_points()), person(tmp_path / "v", moving_points())
    render = tmp_path / "render.mp4"
    with VideoWriter(render, 32, 32, 25) as writer:
        for _ in range(40):
            writer.write(np.zeros((32, 32, 3), np.uint8))
    monkeypatch.setattr(foreign_voice, "mesh_points", lambda *_: moving_points() * 2)
    judge_voice(
        render, own.video, own.frame_table, own.landmarks, voice.video, voice.frame_table,
        voice.landmarks, voice.speech, tmp_path / "out.json", LipJudgeSettings(landmarks_model=""),
    )  # fmt: skip
    rows = json.loads((tmp_path / "out.json").read_text())["metrics"]
    opening = find(rows, "voice_opening_r", "mouth")
    assert opening["value"] == pytest.approx(1) and opening["frames"] == 39
    assert opening["backend"] == FIRST.name and opening["device"]
    assert find(rows, "voice_lmd_256", "mouth")["value"] < 1e-3
    assert find(rows, "voice_lmd_256_shuffled", "mouth")["value"] > 0.1
    assert find(rows, "voice_width_r", "mouth")["reason"]
