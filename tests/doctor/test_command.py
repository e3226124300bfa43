"""`unigs doctor` reads a folder of results as far as it has come."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.runs import write_run
from tests.support.subject import write_features, yaw_matrix
from tests.support.synthetic_face import face_vertices
from unigs.__main__ import main
from unigs.doctor.command import results_report
from unigs.doctor.figures import read_clip, read_fit
from unigs.doctor.finding import LOOK, STOP, Finding, report
from unigs.face.mesh import LOWER_LIP_INNER
from unigs.stage.errors import UserError
from unigs.stage.files import write_json
from unigs.subject.dataset import SubjectFiles
from unigs.subject.frame_table import FrameTable

FRAMES, SIZE, SCALE = 100, 256, 600.0
"""Frames, side in pixels, and pixels a meter of the made-up clip."""


@pytest.fixture(autouse=True)
def handlers(monkeypatch):
    """The command's handler of the log does not outlive the test."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


def talking_head() -> np.ndarray:
    """Landmarks of a face that turns by 10 degrees either way and talks; two frames have none."""
    face = np.vstack([face_vertices(), np.zeros((10, 3))])
    points = np.empty((FRAMES, 478, 3))
    for k in range(FRAMES):
        moved = face.copy()
        moved[list(LOWER_LIP_INNER), 1] += 0.01 * (1 + np.sin(k))
        yaw = np.radians(10) * np.sin(k / 10)
        points[k] = SIZE / 2 + SCALE * moved @ yaw_matrix(yaw).T
    points[:2] = np.nan
    return points


@pytest.fixture
def subject(tmp_path) -> Path:
    """A prepared clip of four seconds, a tenth of it lost to hands, with one cut."""
    folder = tmp_path / "results/zoe"
    for name in ("clip", "face", "body", "speech"):
        (folder / name).mkdir(parents=True)
    write_json(
        folder / "clip/crop.json",
        {"source_fps": 30.0, "fps": 25.0, "size": SIZE, "window": [0, 0, 300, 300],
         "frames": FRAMES, "carried": list(range(25)), "has_audio": True},
    )  # fmt: skip
    reason = np.array([""] * 40 + ["hands"] * 10 + [""] * 20 + ["jump_cut"] + [""] * 29)
    split = np.array(["train"] * 90 + ["test"] * 10)
    keep = reason != "hands"
    FrameTable(folder / "clip/frames.csv", np.arange(FRAMES) / 25, keep, reason, split).write()
    files = SubjectFiles(
        folder / "clip/video.mp4", folder / "clip/frames.csv", folder / "face/pose.npz",
        folder / "regions/labels.mkv", folder / "regions/background.png",
        folder / "face/landmarks.npz", folder / "speech/features.npz", folder / "face/eyes.csv",
        folder / "body/motion.npz",
    )  # fmt: skip
    write_features(files, FRAMES, size=SIZE, points=talking_head(), backend="rest")
    return folder


def test_figures_are_those_of_the_files(subject):
    clip = read_clip(subject)
    assert (clip.source_fps, clip.window, clip.seconds, clip.carried) == (30.0, 300, 4.0, 0.25)
    assert (clip.kept, clip.kept_seconds, clip.test_frames) == (0.9, pytest.approx(3.6), 10)
    assert next(iter(clip.removed.items())) == ("hands", 0.1) and clip.removed["jump_cut"] == 0
    assert clip.longest_seconds == 40 / 25 and clip.found == 0.98
    assert clip.face_width == pytest.approx(0.146 * SCALE / SIZE, abs=0.02)
    assert clip.turn == pytest.approx(20, abs=2) and 0.1 < clip.opening < 1
    assert (clip.reprojection, clip.offset) == (0, 0)
    assert clip.speech == clip.body == "rest"


def test_a_folder_is_judged_as_far_as_it_has_come(subject, capsys):
    told = results_report(subject)
    for words in ("Length: 4 s count", "Test: 10 frames", "Cuts: the longest", "Torso: too little"):
        assert words in told
    assert "Training" not in told
    write_json(subject / "unigs/dynamic/run.json", {"summary": {"steps": 9, "psnr_train": 30.0}})
    assert "Training: 9 steps" in results_report(subject)
    assert "it is not judged yet" in results_report(subject / "unigs")
    write_run(subject.parents[0], "zoe", "unigs_plus", 30.0)
    assert "it is not finished" in results_report(subject), "unigs_plus goes first"
    shutil.copytree(subject / "unigs/dynamic", subject / "unigs_plus/dynamic")
    main(["doctor", str(subject)])
    out = capsys.readouterr().out
    assert "Picture: 30.0 dB on 19 test frames" in out and "LPIPS: empty (no weights here)" in out
    assert read_fit(subject / "unigs_plus").value("psnr", "hair") == 28.0


def test_other_folders_are_refused_in_a_sentence(subject, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", str(tmp_path / "none")])
    assert stopped.value.code == 2 and "there is no folder" in capsys.readouterr().err
    with pytest.raises(UserError, match="holds nothing of a prepared clip"):
        results_report(tmp_path)
    (subject / "face/pose.npz").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"pose\.npz"):
        results_report(subject)


def test_the_closing_line_counts():
    fine = Finding("Disk", "large")
    soft, hard = Finding("A", "b", "c", "d", LOOK), Finding("E", "f", "g", "h", STOP)
    assert report([fine]) == "ok    Disk: large.\n\nNothing is wrong."
    assert report([fine, soft]).endswith("1 to look at; nothing stands in the way.")
    assert report([soft, hard]).endswith("1 to put right before anything runs, 1 to look at.")
    assert soft.text() == "look  A: b; c. To do: d."
