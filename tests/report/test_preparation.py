"""The sheet and curves of a prepared clip show what the files say."""

import numpy as np
import pytest

from tests.support import astronaut
from tests.support.subject import subject_files, write_features, write_table
from unigs.face.angles import head_angles, head_to_camera, yaw_pitch_roll
from unigs.face.lips import relative_opening
from unigs.face.mesh import LEFT_EYE_CORNERS, LOWER_LIP_INNER, RIGHT_EYE_CORNERS
from unigs.media.images import read_image, write_png
from unigs.report.preparation import choose_frames, draw_axes, draw_landmarks, draw_sheet
from unigs.stage.errors import UserError
from unigs.subject.features import HeadPoses, write_action_units
from unigs.subject.labels import FACE, write_labels
from unigs.subject.trajectory import RigidTrajectory

FRAMES, SIZE = 30, 96


def test_removed_ranges_are_among_the_chosen_frames(tmp_path):
    keep = np.ones(500, bool)
    keep[101:108] = keep[499] = False
    chosen = choose_frames(write_table(tmp_path / "long.csv", 500, keep=keep), 24)
    assert 104 in chosen and 499 in chosen and len(chosen) <= 24
    assert (np.diff(chosen) > 0).all() and np.diff(chosen).max() < 50
    short = write_table(tmp_path / "short.csv", 3, keep=np.array([True, True, False]))
    assert choose_frames(short).tolist() == [0, 1, 2]


def test_turns_of_a_rotation_are_those_of_its_landmarks():
    points = astronaut.landmarks()
    axes = head_to_camera(points)
    np.testing.assert_allclose(yaw_pitch_roll(axes[None])[0], head_angles(points), atol=1e-4)


def test_mouth_opening_is_in_eye_distances():
    points = astronaut.landmarks().astype(float)[None].repeat(2, 0)
    eyes = points[0, RIGHT_EYE_CORNERS[0]] - points[0, LEFT_EYE_CORNERS[0]]
    unit = np.linalg.norm(eyes)
    points[1, LOWER_LIP_INNER, 1] += 0.2 * unit
    before, after = relative_opening(points)
    assert after - before == pytest.approx(0.2, abs=0.03)
    np.testing.assert_allclose(relative_opening(3 * points), [before, after])


def test_landmarks_and_axes_are_drawn_where_they_are():
    image = np.zeros((256, 256, 3), np.uint8)
    points = astronaut.landmarks()
    draw_landmarks(image, points)
    rows, columns = np.nonzero(image.any(-1))
    low, high = points[:468, :2].min(0), points[:468, :2].max(0)
    np.testing.assert_allclose([columns.min(), rows.min()], low, atol=3)
    np.testing.assert_allclose([columns.max(), rows.max()], high, atol=3)
    missing = np.full((478, 3), np.nan)
    untouched = image.copy()
    draw_landmarks(image, missing)
    np.testing.assert_array_equal(image, untouched)
    axes = np.zeros((100, 100, 3), np.uint8)
    ahead = RigidTrajectory(np.eye(3)[None], np.array([[0.0, 0.0, 1.0]]))
    poses = HeadPoses(ahead, 500.0, 100, np.zeros((468, 3)), np.zeros(1), "test")
    draw_axes(axes, poses, 0, 1.0)
    assert (axes[50, 55:78] == [255, 60, 60]).all()  # 0.06 m right at 500 px / 1 m: 30 px
    assert (axes[55:78, 50] == [60, 255, 60]).all()


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subject")
    picture = astronaut.portrait(SIZE)
    astronaut.write_clip(folder / "video.mp4", lambda k: picture, FRAMES)
    write_labels(folder / "labels.mkv", [np.full((SIZE, SIZE), FACE, np.uint8)] * FRAMES, SIZE,
                 SIZE, 25)  # fmt: skip
    write_png(folder / "background.png", picture)
    points = np.tile(astronaut.landmarks() * SIZE / 256, (FRAMES, 1, 1))
    points[7] = np.nan
    files = subject_files(folder)
    write_table(
        files.frame_table, FRAMES, keep=np.arange(FRAMES) != 7,
        reason={7: "no_face", 20: "jump_cut"}, test=np.arange(FRAMES) > 26,
    )  # fmt: skip
    units = np.zeros((FRAMES, 7))
    units[:, -1] = np.linspace(0, 5, FRAMES)
    write_features(files, FRAMES, size=SIZE, focal=200.0, points=points, eyes=units)
    return folder


def arguments(folder, **other):
    names = {
        "video": "video.mp4",
        "frame_table": "frames.csv",
        "landmarks": "landmarks.npz",
        "pose": "pose.npz",
        "eyes": "eyes.csv",
        "labels": "labels.mkv",
        "background": "background.png",
        "out": "sheet.png",
        "curves": "curves.png",
    }
    return {key: folder / name for key, name in names.items()} | other


def test_sheet_and_curves_are_drawn(subject):
    draw_sheet(**arguments(subject))
    sheet, curves = read_image(subject / "sheet.png"), read_image(subject / "curves.png")
    assert sheet.shape[0] == 6 * 322 - 2 and sheet.shape[1] == 8 * 322 - 2
    assert sheet.std() > 30 and curves.std() > 20


def test_files_of_another_clip_are_refused(subject, tmp_path):
    write_action_units(tmp_path / "eyes.csv", np.zeros((1, 7)))
    with pytest.raises(UserError, match=r"eyes.csv has 1 rows but .*frames.csv has 30"):
        draw_sheet(**arguments(subject, eyes=tmp_path / "eyes.csv"))
