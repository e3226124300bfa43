"""Closure of a driven portrait where the phones are known."""

import json

import numpy as np
import pytest

from tests.support.face_points import moving_points
from tests.support.subject import subject_files, write_features, write_table
from unigs.evaluate import spoken
from unigs.evaluate.records import PORTRAIT, SHUFFLED, find
from unigs.evaluate.spoken import judge_closure
from unigs.face.mesh import LOWER_LIP_INNER, UPPER_LIP_INNER
from unigs.media.video import VideoWriter
from unigs.settings.evaluate import LipJudgeSettings
from unigs.stage.errors import UserError

FPS = 25


@pytest.fixture
def subject(tmp_path):
    """Files of a person whose mouth opens and closes."""
    points = moving_points()
    files = subject_files(tmp_path / "own")
    write_features(files, len(points), points=points)
    write_table(files.frame_table, len(points))
    with VideoWriter(tmp_path / "render.mp4", 32, 32, FPS) as writer:
        for _ in range(40):
            writer.write(np.zeros((32, 32, 3), np.uint8))
    return files


def judged(subject, tmp_path, monkeypatch, rendered, phones):
    monkeypatch.setattr(spoken, "mesh_points", lambda *_: rendered)
    path = tmp_path / "words.phones"
    path.write_text(phones)
    judge_closure(
        tmp_path / "render.mp4", path, subject.video, subject.frame_table, subject.landmarks,
        tmp_path / "out.json", LipJudgeSettings(landmarks_model=""),
    )  # fmt: skip
    return json.loads((tmp_path / "out.json").read_text())["metrics"]


def test_lips_that_shut_on_the_phones_are_counted(subject, tmp_path, monkeypatch):
    lips = moving_points()
    upper, lower = list(UPPER_LIP_INNER[1:-1]), list(LOWER_LIP_INNER[1:-1])
    lips[:, lower] = lips[:, upper] + [0, 10, 0]
    lips[20:23, lower] = lips[20:23, upper] + [0, 2, 0]  # shut on m alone
    words = "pau:0.2 a:0.4 b:0.6 a:0.8 m:0.92 a:1.6"
    rows = judged(subject, tmp_path, monkeypatch, lips, words)
    right = find(rows, "closure_bilabial", "mouth", PORTRAIT)
    assert right["value"] == 0.5 and right["frames"] == 2
    assert find(rows, "closure_pause_frames", "mouth", PORTRAIT)["value"] == 0
    assert find(rows, "closure_bilabial", "mouth", SHUFFLED)["value"] == 0


def test_a_render_without_a_face_is_refused(subject, tmp_path, monkeypatch):
    nobody = np.full((40, 478, 3), np.nan)
    with pytest.raises(UserError, match="render.mp4 shows no face"):
        judged(subject, tmp_path, monkeypatch, nobody, "m:0.5")


def test_a_text_without_phones_is_refused(subject, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="words.phones holds no phone times"):
        judged(subject, tmp_path, monkeypatch, moving_points(), "hello")
    assert not (tmp_path / "out.json").exists()
