"""Renders of other systems: found from the pictures, scored by the rules of our own."""

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.support.film import COUNT, SIDE, film, rendered
from tests.support.subject import subject_files, write_features, write_table
from unigs.evaluate.align import Window
from unigs.evaluate.foreign_frames import pictures
from unigs.evaluate.image import psnr
from unigs.evaluate.place_render import place_render
from unigs.evaluate.records import find
from unigs.evaluate.score import evaluate
from unigs.media.audio import write_wav
from unigs.media.images import write_png
from unigs.media.video import VideoWriter, probe, read_video
from unigs.settings.evaluate import ScoreSettings
from unigs.stage.errors import UserError
from unigs.stage.files import read_json
from unigs.subject.labels import write_labels

FIRST = 60
"""First test frame."""


def video(path, frames, fps=25.0):
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width, height, fps, "lossless") as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """Files of a subject: the film, its last third for testing, one frame of it removed."""
    folder = tmp_path_factory.mktemp("film")
    files = subject_files(folder, video="video.mkv")
    video(folder / "video.mkv", film())
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[30:160, 40:150], labels[160:] = 1, 4
    write_labels(folder / "labels.mkv", [labels] * COUNT, SIDE, SIDE, 25)
    index = np.arange(COUNT)
    write_table(files.frame_table, COUNT, test=index >= FIRST, keep=index != 70)
    write_features(files, COUNT, size=SIDE)
    write_wav(folder / "audio.wav", np.zeros(16000 * COUNT // 25, np.float32), 16000)
    return files


def put(subject, render, out, **options):
    out.mkdir(exist_ok=True)
    place_render(
        render, subject.video, subject.frame_table, subject.pose, out / "video.mkv",
        out / "video.mp4", out / "placement.json", **options,
    )  # fmt: skip
    return read_json(out / "placement.json")


def score(subject, out):
    evaluate(
        out / "video.mkv", subject.video, subject.frame_table, subject.landmarks, subject.pose,
        subject.labels, out / "metrics.json", out / "frames.csv", ScoreSettings(device="cpu"),
        placement=out / "placement.json", draws=out / "draws.npz",
    )  # fmt: skip
    return read_json(out / "metrics.json")


def test_a_shifted_and_cut_render_is_brought_to_the_test_frames(subject, tmp_path):
    window = Window(16, 8, 0.625)
    frames = rendered(film(), 20, COUNT, window, 256)
    found = put(subject, video(tmp_path / "theirs.mkv", frames), tmp_path / "out")
    assert found["offset_frames"] == -20 and found["first_render_frame"] == 40
    assert (found["window"]["x"], found["window"]["y"]) == pytest.approx((16, 8), abs=0.3)
    assert found["window"]["scale"] == pytest.approx(0.625, rel=0.003)
    x, y, w, h = found["box"]
    assert abs(x - 16) <= 1 and abs(y - 8) <= 1 and w >= 156 and h >= 156
    images = list(read_video(tmp_path / "out/video.mkv"))
    test = [k for k in range(FIRST, COUNT) if k != 70]
    assert len(images) == len(test)
    for image, k in zip(images, test, strict=True):
        truth = film()[k][y : y + h, x : x + w].astype(int)
        assert np.abs(image - truth - 6).mean() < 3, "blurred a little, and 6 levels brighter"
    info = probe(tmp_path / "out/video.mp4")
    assert (info.width, info.height) == (2 * w, h)


def test_it_is_scored_on_what_it_shows_by_the_same_rules(subject, tmp_path):
    frames = rendered(film(), 0, COUNT, Window(16, 8, 1.0), 160)
    put(subject, video(tmp_path / "a.mkv", frames), tmp_path / "out", invalid=("ssim", "lmd"))
    content = score(subject, tmp_path / "out")
    box = content["placement"]["box"]
    assert box == [16, 8, 160, 160] and content["size"] == SIDE
    test = [k for k in range(FIRST, COUNT) if k != 70]
    cut = [film()[k][8:168, 16:176].astype(float) for k in test]
    expected = np.mean(
        [psnr(np.mean(((a - frames[k]) / 255) ** 2)) for a, k in zip(cut, test, strict=True)]
    )
    row = find(content["metrics"], "psnr")
    assert row["value"] == pytest.approx(expected, abs=1e-3) and row["frames"] == len(test)
    assert row["low"] < row["value"] < row["high"]
    assert not find(content["metrics"], "psnr", method="mean_frame"), "those stand with our own"
    for metric, region in (("ssim", "full"), ("ssim", "face"), ("lmd_256", "mouth")):
        row = find(content["metrics"], metric, region)
        assert row["value"] is None and "invalid" in row["reason"], metric
    row = find(content["metrics"], "opening_correlation_shuffled", "mouth")
    assert row["value"] is None and "wrong speech" in row["reason"]
    table = pd.read_csv(tmp_path / "out/frames.csv")
    assert table["ssim_full"].isna().all() and table["psnr_full"].notna().all()
    assert content["truth_pasted"] is False and "another system" in content["protocol"]


def test_a_render_of_the_test_frames_alone_is_found_though_some_were_removed(subject, tmp_path):
    test = [k for k in range(FIRST, COUNT) if k != 70]
    frames = [cv2.GaussianBlur(film()[k], (0, 0), 1) for k in test]
    found = put(subject, video(tmp_path / "b.mkv", frames), tmp_path / "out", pasted=True)
    assert found["first_render_frame"] == 0 and found["box"] == [0, 0, SIDE, SIDE]
    for image, frame in zip(read_video(tmp_path / "out/video.mkv"), frames, strict=True):
        np.testing.assert_array_equal(image, frame)
    assert score(subject, tmp_path / "out")["truth_pasted"] is True


def test_a_folder_of_pictures_is_read_in_the_order_of_its_numbers(subject, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for k, frame in enumerate(film()):
        write_png(folder / f"r_{k}.png", frame)
    (folder / "notes.txt").write_text("not a picture")
    found = put(subject, folder, tmp_path / "out")
    assert found["first_render_frame"] == FIRST and found["correlation"] > 0.99
    shown = pictures(folder)
    (folder / "._r_33.png").write_bytes(b"what macOS puts beside a file")
    assert pictures(folder) == shown
    (folder / "gt_33.png").write_bytes(b"x")
    with pytest.raises(UserError, match="frames holds gt_33.png and r_33.png, two pictures of one"):
        pictures(folder)
    (folder / "gt_33.png").unlink()
    (folder / "r_33.png").unlink()
    with pytest.raises(UserError, match="lacks frame 33, between others"):
        pictures(folder)


def test_missing_test_frames_are_named(subject, tmp_path):
    short = video(tmp_path / "short.mkv", film()[:85])
    with pytest.raises(UserError, match=r"lacks 5 of 29 test frames, .* frames 85, 86, 87 and 2"):
        put(subject, short, tmp_path / "out")
    assert not (tmp_path / "out/video.mkv").exists()


def test_somebody_elses_render_is_refused(subject, tmp_path):
    rng = np.random.default_rng(5)
    noise = [rng.integers(0, 255, (96, 96, 3)).astype(np.uint8) for _ in range(COUNT)]
    with pytest.raises(UserError, match=r"other\.mkv does not seem to show .*video\.mkv"):
        put(subject, video(tmp_path / "other.mkv", noise), tmp_path / "out")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        put(subject, empty, tmp_path / "out")


def test_a_picture_of_a_vast_number_takes_no_memory(tmp_path):
    """A time stamp among the numbers: the gap is counted, not listed."""
    for name in ("0.png", "2.png", "1699999999999.png"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="lacks frames 1, 3, 4 and 1699999999994 more, between"):
        pictures(tmp_path)
