"""Methods by moments: which moments, what is zoomed, and that each render is of its frame."""

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.support.runs import write_run
from unigs.media.video import VideoWriter
from unigs.report.moments import choose_moments, draw_moments, framed, zoom_boxes
from unigs.stage.errors import UserError
from unigs.stage.files import read_json, write_json
from unigs.subject.labels import HAIR, MOUTH, TORSO, write_labels

SIDE = 64


def labels():
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[10:40, 40:60], image[40:, 30:] = HAIR, TORSO
    image[24:28, 20:30] = MOUTH
    return image


def test_moments_are_those_of_the_true_frames_and_the_hardest():
    first = pd.DataFrame({"opening_truth": [3, 9, 1, 4.0], "eye_truth": [0.3, 0.3, 0.3, 0.1]})
    first["psnr_full"] = [30, 31, 32, 29.0]
    other = first.assign(psnr_full=[20, 30, 30, 30.0])
    assert choose_moments([first, other]) == {
        "widest mouth": 1, "narrowest mouth": 2, "eyes least open": 3, "hardest frame": 0,
        "middle frame": 2,
    }  # fmt: skip
    assert choose_moments([pd.DataFrame({"frame": [4, 5]})]) == {"middle frame": 1}


def test_boxes_hold_the_mouth_and_the_boundary_of_hair_and_torso():
    boxes = zoom_boxes(labels())
    mouth, band = boxes["mouth"], boxes["band"]
    assert (mouth.cut(labels()) == MOUTH).sum() == 40
    middle = mouth.x + mouth.side / 2, mouth.y + mouth.side / 2
    assert middle == pytest.approx((25, 26), abs=1.5), "in the middle of its box"
    assert {HAIR, TORSO} <= set(np.unique(band.cut(labels())))
    assert zoom_boxes(np.zeros((SIDE, SIDE), np.uint8)) == {}


def test_zooms_stand_beside_the_picture():
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 255, (9, 9, 3)).astype(np.uint8), (SIDE, SIDE))
    boxes = zoom_boxes(labels())
    shown = framed(image, boxes)
    assert shown.shape == (SIDE, SIDE * 3 // 2, 3)
    small = cv2.resize(shown[4:28, SIDE + 4 : -4], (10, 10), interpolation=cv2.INTER_AREA)
    cut = boxes["mouth"].cut(image)[2:-2, 2:-2]
    expected = cv2.resize(cut, (10, 10), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 8


def test_every_row_shows_the_same_moments(tmp_path):
    levels = np.array([20, 60, 100, 140, 180, 220])
    with VideoWriter(tmp_path / "clip.mkv", SIDE, SIDE, 25, "lossless") as writer:
        for level in levels:
            writer.write(np.full((SIDE, SIDE, 3), level, np.uint8))
    write_labels(tmp_path / "labels.mkv", [np.zeros((SIDE, SIDE), np.uint8)] * 6, SIDE, SIDE, 25)
    folders, box = [], [8, 16, 32, 40]
    for name, offset, (w, h) in (("unigs", 10, (SIDE, SIDE)), ("gs", -10, (32, 40))):
        folder = write_run(tmp_path, "ann", name, 24.0)
        with VideoWriter(folder / "video.mkv", w, h, 25, "lossless") as writer:
            for level in levels[3:]:
                writer.write(np.full((h, w, 3), level + offset, np.uint8))
        rows = {"frame": [3, 4, 5], "opening_truth": [1.0, 2, 3], "psnr_full": [9.0, 8, 7]}
        pd.DataFrame(rows).to_csv(folder / "frames.csv", index=False)
        folders.append(folder)
    content = read_json(folders[1] / "metrics.json")
    write_json(folders[1] / "metrics.json", {**content, "placement": {"box": box}})

    def draw():
        draw_moments(
            tmp_path / "clip.mkv", tmp_path / "labels.mkv",
            *(tuple(f / n for f in folders) for n in ("metrics.json", "video.mkv", "frames.csv")),
            tmp_path / "out.png", tmp_path / "errors.png",
        )  # fmt: skip

    draw()
    sheet, errors = (cv2.imread(str(tmp_path / n)) for n in ("out.png", "errors.png"))
    wide = SIDE * 3 // 2 + 2
    # Columns: widest mouth (frame 5), narrowest (3), hardest (5), middle (4).
    found = [[sheet[y * 66 + 40, x * wide + 30, 0] for x in range(4)] for y in range(3)]
    assert found == [[220, 140, 220, 180], [230, 150, 230, 190], [210, 130, 210, 170]]
    assert sheet[2 * 66 + 60, 60, 0] == 128, "gray where the second shows nothing"
    assert errors[66 + 40, 30, 0] == errors[2 * 66 + 40, 30, 0] == 30
    assert errors[2 * 66 + 60, 60, 0] == 128
    pd.DataFrame({"frame": [3, 4, 9]}).to_csv(folders[1] / "frames.csv", index=False)
    with pytest.raises(UserError, match="of other test frames than"):
        draw()
