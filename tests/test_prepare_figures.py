"""The sheet and curves of a prepared clip show what the files say."""

import astronaut
import numpy as np
import pandas as pd
import pytest

from unigs.face.angles import head_angles, head_axes
from unigs.face.mesh import LEFT_EYE_CORNERS, LOWER_LIP_INNER, RIGHT_EYE_CORNERS
from unigs.media.images import read_image, write_png
from unigs.report.preparation import choose_frames, draw_axes, draw_landmarks, draw_sheet
from unigs.report.preparation_curves import mouth_opening, turns
from unigs.stage.errors import UserError
from unigs.stage.files import save_npz
from unigs.subject.labels import FACE, write_labels

FRAMES, SIZE = 30, 96


def test_removed_ranges_are_among_the_chosen_frames():
    table = pd.DataFrame({"keep": np.ones(500, int)})
    table.loc[101:107, "keep"] = 0
    table.loc[499, "keep"] = 0
    chosen = choose_frames(table, 24)
    assert 104 in chosen and 499 in chosen and len(chosen) <= 24
    assert (np.diff(chosen) > 0).all() and np.diff(chosen).max() < 50
    assert choose_frames(pd.DataFrame({"keep": [1, 1, 0]})).tolist() == [0, 1, 2]


def test_turns_of_a_rotation_are_those_of_its_landmarks():
    points = astronaut.landmarks()
    axes = head_axes(points)
    np.testing.assert_allclose(turns(axes[None])[0], head_angles(points), atol=1e-4)


def test_mouth_opening_is_in_eye_distances():
    points = astronaut.landmarks().astype(float)[None].repeat(2, 0)
    eyes = points[0, RIGHT_EYE_CORNERS[0]] - points[0, LEFT_EYE_CORNERS[0]]
    unit = np.linalg.norm(eyes)
    points[1, LOWER_LIP_INNER, 1] += 0.2 * unit
    before, after = mouth_opening(points)
    assert after - before == pytest.approx(0.2, abs=0.03)
    np.testing.assert_allclose(mouth_opening(3 * points), [before, after])


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
    poses = {"R": np.eye(3)[None], "t": np.array([[0.0, 0.0, 1.0]]), "focal": np.float64(500),
             "size": np.int64(100), "shape": np.zeros((468, 3))}  # fmt: skip
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
    save_npz(folder / "face.npz", points=points, found=np.isfinite(points).all((1, 2)))
    save_npz(
        folder / "pose.npz", R=np.tile(np.eye(3), (FRAMES, 1, 1)), focal=200.0, size=SIZE,
        t=np.tile([0, 0, 0.6], (FRAMES, 1)), shape=np.zeros((468, 3)),
    )  # fmt: skip
    reason = [""] * FRAMES
    reason[7], reason[20] = "no_face", "jump_cut"
    pd.DataFrame(
        {"frame": range(FRAMES), "time": np.arange(FRAMES) / 25, "reason": reason,
         "keep": [int(k != 7) for k in range(FRAMES)],
         "split": ["train"] * 27 + ["test"] * 3}
    ).to_csv(folder / "frames.csv", index=False)  # fmt: skip
    units = {"frame": range(FRAMES), "AU01": 0.0, "AU45": np.linspace(0, 5, FRAMES)}
    pd.DataFrame(units).to_csv(folder / "eyes.csv", index=False)
    return folder


def arguments(folder, **other):
    names = {
        "video": "video.mp4",
        "frames": "frames.csv",
        "landmarks": "face.npz",
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
    pd.DataFrame({"frame": [0], "AU45": [0]}).to_csv(tmp_path / "eyes.csv", index=False)
    with pytest.raises(UserError, match=r"eyes.csv has 1 rows but .*frames.csv has 30"):
        draw_sheet(**arguments(subject, eyes=tmp_path / "eyes.csv"))
