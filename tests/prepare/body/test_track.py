"""track_body: a torso of known motion is followed; a torso that is hardly seen rests."""

import cv2
import numpy as np
import pytest

from tests.support.subject import subject_files, write_features, write_table
from unigs.media import video
from unigs.media.video import VideoWriter
from unigs.prepare.body.track import REST, repair, track_body
from unigs.settings.body import BodySettings
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz
from unigs.subject.features import HeadPoses
from unigs.subject.labels import FACE, TORSO, write_labels

SIZE, FRAMES, FOCAL, DEPTH = 128, 24, 256.0, 0.8
PIVOT = np.array([64.0, 96.0])


def motion(k: int) -> tuple[np.ndarray, float]:
    """Shift in pixels and angle of frame k; frame 0 is at rest."""
    return np.array([4 * np.sin(k * 0.4), 2 * np.sin(k * 0.3)]), 0.05 * np.sin(k * 0.5)


def affine(k: int, narrower: float) -> np.ndarray:
    """Map [2,3] of the picture of frame 0 at rest to frame k: narrower, turned, shifted."""
    shift, angle = motion(k)
    c, s = np.cos(angle), np.sin(angle)
    linear = np.array([[c, -s], [s, c]]) @ np.diag([1 - narrower * np.sin(k * 0.2), 1.0])
    return np.column_stack([linear, PIVOT + shift - linear @ PIVOT])


def write_clip(folder, torso_from: int, narrower: float = 0.0, aside: int = 0, at=()) -> dict:
    texture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    texture = cv2.GaussianBlur(texture, (0, 0), 2.0)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    labels = np.full((SIZE, SIZE), FACE, np.uint8)
    labels[torso_from:] = TORSO
    files = subject_files(folder)
    # Lossless: a picture that is moved changes none beside it.
    with VideoWriter(files.video.with_suffix(".mkv"), SIZE, SIZE, 25, "lossless") as writer:
        for k in range(FRAMES):
            shift, angle = motion(k)
            matrix = affine(k, narrower)
            if aside and k in at:
                turn = cv2.getRotationMatrix2D(PIVOT.tolist(), -4.0, 1.0)
                matrix = turn @ np.vstack([matrix, [0, 0, 1]])
                matrix[0, 2] += aside
            moved = cv2.warpAffine(texture, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
            moved[:50] = 128
            writer.write(moved)
    write_labels(folder / "labels.mkv", [labels] * FRAMES, SIZE, SIZE, 25)
    write_table(files.frame_table, FRAMES)
    R = np.repeat(np.eye(3)[None], FRAMES, 0)
    # The head drifts, so that the frame of the median pose is one in the middle.
    t = np.stack([np.linspace(-0.01, 0.01, FRAMES), np.zeros(FRAMES), np.full(FRAMES, DEPTH)], 1)
    write_features(files, FRAMES, size=SIZE, focal=FOCAL, head=(R, t))
    given = {name: getattr(files, name) for name in ("labels", "frame_table", "pose")}
    return given | {"video": files.video.with_suffix(".mkv"), "out": folder / "body.npz"}


def image_of(point: np.ndarray, R: np.ndarray, t: np.ndarray) -> np.ndarray:
    camera = R @ point + t
    return camera[:2] / camera[2] * FOCAL + SIZE / 2


@pytest.mark.parametrize(("model", "narrower"), [("euclidean", 0.0), ("affine", 0.04)])
def test_points_of_the_torso_move_as_they_were_moved(tmp_path, model, narrower):
    files = write_clip(tmp_path, 70, narrower)
    track_body(**files, settings=BodySettings(motion=model, size=SIZE, smooth=0.0))
    body = load_npz(files["out"], "R", "t", "correlation")
    assert np.nanmin(body["correlation"]) > 0.9
    # Two points fixed to the torso: where the body's frame says they are, against the truth.
    for pixel in (PIVOT, PIVOT + [20, 10]):
        rest = np.append((pixel - SIZE / 2) * DEPTH / FOCAL, DEPTH)
        fixed = np.linalg.solve(body["R"][0], rest - body["t"][0])
        for k in range(FRAMES):
            expected = affine(k, narrower) @ np.append(pixel, 1.0)
            seen = image_of(fixed, body["R"][k], body["t"][k])
            assert np.linalg.norm(seen - expected) < 0.35, k


def test_test_frames_say_nothing_of_the_others(tmp_path):
    """Neither the frame that all are compared with nor the compared area is theirs to choose; and
    no frame beside them is smoothed by what they show, first in the clip or amid it."""
    for part in (range(8), range(10, 17)):
        test, found = np.isin(np.arange(FRAMES), part), []
        for aside in (0, 3):
            files = write_clip(tmp_path, 70, aside=aside, at=part)
            write_table(files["frame_table"], FRAMES, test=test)
            labels = np.zeros((SIZE, SIZE), np.uint8)
            labels[70:, 30:98] = TORSO
            bare = np.where(np.arange(SIZE)[:, None] < 100, FACE, labels)
            shown = [bare if aside and held else labels for held in test]
            write_labels(files["labels"], shown, SIZE, SIZE, 25)
            pose = HeadPoses.read(files["pose"])
            pose.head.t[test] -= [float(aside), 0, 0]
            pose.write(files["pose"])
            track_body(**files, settings=BodySettings(size=SIZE, smooth=1.0))
            found.append(load_npz(files["out"], "R", "t", "outline", "correlation"))
        for name in ("R", "t", "outline", "correlation"):
            np.testing.assert_array_equal(found[0][name][~test], found[1][name][~test])
        for k in part:
            turn = found[1]["R"][k] @ found[0]["R"][k].T
            assert np.degrees(np.arctan2(turn[1, 0], turn[0, 0])) == pytest.approx(4, abs=1)


def test_a_sliver_of_torso_rests(tmp_path):
    files = write_clip(tmp_path, torso_from=126)
    track_body(**files, settings=BodySettings(size=SIZE))
    body = load_npz(files["out"], "R", "t", "backend")
    assert body["backend"] == "rest"
    assert np.ptp(body["t"], axis=0).max() == 0 and np.isfinite(body["R"]).all()


def test_frames_that_do_not_match_are_interpolated():
    track = np.tile(REST, (4, 1))
    track[:, 4:] = [[0, 0], [99, 99], [2, 4], [3, 6]]
    correlation = np.array([1.0, 0.1, 0.99, np.nan])
    repaired = repair(track, correlation, BodySettings(smooth=0.0))
    np.testing.assert_allclose(repaired[:, 4:], [[0, 0], [1, 2], [2, 4], [2, 4]])
    np.testing.assert_allclose(repaired[:, :4], np.tile(REST[:4], (4, 1)))


def test_files_of_different_clips_are_refused(tmp_path):
    files = write_clip(tmp_path, torso_from=70)
    write_table(files["frame_table"], FRAMES - 1)
    with pytest.raises(UserError, match="24 rows.*23 frames"):
        track_body(**files, settings=BodySettings())


def test_labels_and_clip_are_decoded_once_each(tmp_path, monkeypatch):
    opened, decode = [], video._raw_frames

    def counted(command, shape, path):
        opened.append(path.name)
        return decode(command, shape, path)

    files = write_clip(tmp_path, 70)
    monkeypatch.setattr(video, "_raw_frames", counted)
    track_body(**files, settings=BodySettings(size=SIZE))
    assert sorted(opened) == ["labels.mkv", "video.mkv"]


def test_labels_of_another_clip_are_refused(tmp_path):
    files = write_clip(tmp_path, 70)
    write_labels(files["labels"], [np.zeros((SIZE, SIZE), np.uint8)] * 7, SIZE, SIZE, 25)
    with pytest.raises(UserError, match=r"labels\.mkv has 7 frames but the clip has 24: run seg"):
        track_body(**files, settings=BodySettings(size=SIZE))
