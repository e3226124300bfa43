"""A prepared subject given out in AD-NeRF's layout, and taken in again."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from tests.support.lineage import lineage_rotation, prepared_subject, write_lineage
from tests.support.subject import FOCAL, FRAMES, SIZE
from unigs.__main__ import main
from unigs.exchange.lineage.give import Prepared, export_lineage
from unigs.exchange.lineage.take import Choices, import_lineage
from unigs.media.audio import read_audio
from unigs.media.video import read_video
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz
from unigs.subject.features import FACE_UNITS, HeadPoses, SpeechFeatures, read_action_units
from unigs.subject.frame_table import read_frame_table
from unigs.subject.given import GivenPoses
from unigs.subject.labels import BACKGROUND, FACE, HAIR, MOUTH, TORSO, read_labels

LAST = 150
"""Frames behind this one do not count."""


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    folder = prepared_subject(tmp_path_factory.mktemp("results") / "ann")
    table = read_frame_table(folder / "clip/frames.csv")
    table.keep[[30, 31]] = False
    table.keep[LAST + 1 :] = False
    table.reason[~table.keep] = "hands"
    table.write()
    return folder


@pytest.fixture(scope="module")
def given(subject, tmp_path_factory):
    out = tmp_path_factory.mktemp("given") / "ann"
    export_lineage(Prepared(subject, subject / "face/pose.npz"), out)
    return out


@pytest.fixture(scope="module")
def again(given, tmp_path_factory):
    out = tmp_path_factory.mktemp("again") / "import"
    import_lineage(given, out, Choices(pictures="ori_imgs", regions="theirs"))
    return out


# What the other systems read


def listed(given):
    return {
        name: json.loads((given / f"transforms_{name}.json").read_text())
        for name in ("train", "val")
    }


def test_split_is_ours_and_frames_that_do_not_count_are_not_listed(subject, given):
    table = read_frame_table(subject / "clip/frames.csv")
    for name, split in (("train", "train"), ("val", "test")):
        frames = listed(given)[name]["frames"]
        assert [frame["img_id"] for frame in frames] == table.frames(split).tolist()
        assert all(frame["aud_id"] == frame["img_id"] for frame in frames)


def test_the_camera_is_in_the_layouts_own_convention(subject, given):
    """What a loader makes of it: y and z of the camera negated, then inverted, is our x_cam."""
    poses = HeadPoses.read(subject / "face/pose.npz")
    content = listed(given)["train"]
    assert content["focal_len"] == FOCAL and content["cx"] == content["cy"] == SIZE / 2
    for frame in content["frames"][::20]:
        camera = np.array(frame["transform_matrix"])
        camera[:3, 1:3] *= -1
        inverse = np.linalg.inv(camera)
        # Their head looks along +z with y up, ours along -z with y down.
        ours = inverse[:3, :3] @ np.diag([1.0, -1, -1]), inverse[:3, 3]
        k = frame["img_id"]
        np.testing.assert_allclose(ours[0], poses.head.R[k], atol=1e-6)
        np.testing.assert_allclose(ours[1], poses.head.t[k], atol=1e-6)


def test_the_trackers_file_tells_the_same_poses(given):
    track = torch.load(given / "track_params.pt", weights_only=True)
    R = lineage_rotation(*track["euler"].double().numpy().T)
    for frame in listed(given)["val"]["frames"]:
        k, camera = frame["img_id"], np.array(frame["transform_matrix"])
        np.testing.assert_allclose(R[k].T, camera[:3, :3], atol=1e-6)
        trans = track["trans"][k].double().numpy() / 10
        np.testing.assert_allclose(-R[k].T @ trans, camera[:3, 3], atol=1e-6)
    assert track["focal"].tolist() == [FOCAL] and len(track["trans"]) == LAST + 1


def test_each_picture_has_its_files(given):
    for name, ending in (
        ("ori_imgs", "jpg"), ("ori_imgs", "lms"), ("gt_imgs", "jpg"), ("torso_imgs", "png"),
        ("parsing", "png"), ("teeth_mask", "npy"),
    ):  # fmt: skip
        numbers = sorted(int(path.stem) for path in (given / name).glob(f"*.{ending}"))
        assert numbers == list(range(LAST + 1)), (name, ending)
    assert np.loadtxt(given / "ori_imgs/7.lms").shape == (68, 2)
    assert np.load(given / "teeth_mask/9.npy").shape == (SIZE, SIZE)
    assert sorted(path.name for path in given.glob("*.json")) == [
        "transforms_train.json", "transforms_val.json",
    ]  # fmt: skip


def test_pictures_regions_and_plate(subject, given):
    frame = list(read_video(subject / "clip/video.mp4"))[40].astype(float)
    label = list(read_labels(subject / "regions/labels.mkv"))[40]
    true = cv2.imread(str(given / "ori_imgs/40.jpg"))[..., ::-1]
    assert 10 * np.log10(255**2 / np.square(frame - true).mean()) > 45
    on_plate = cv2.imread(str(given / "gt_imgs/40.jpg"))[..., ::-1].astype(float)
    plate = cv2.imread(str(given / "bc.jpg"))[..., ::-1].astype(float)
    far = cv2.erode((label == BACKGROUND).astype(np.uint8), np.ones((9, 9))) > 0
    assert np.abs(on_plate - plate)[far].max() < 4
    torso = cv2.imread(str(given / "torso_imgs/40.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(torso[..., 3] > 0, label == TORSO)
    colors = cv2.imread(str(given / "parsing/40.png"))[..., ::-1]
    assert (colors[label == HAIR] == 0).all() and (colors[label == TORSO] == [255, 0, 0]).all()
    assert (colors[label == FACE] == [0, 0, 255]).all()


def test_action_units_have_the_names_that_the_loaders_want(subject, given):
    heading, *rows = (given / "au.csv").read_text().splitlines()
    names = heading.split(",")
    assert {" AU01_r", " AU25_r", " AU45_r"} <= set(names) and len(rows) == LAST + 1
    units = read_action_units(subject / "face/eyes.csv")
    column = [float(row.split(",")[names.index(" AU45_r")]) for row in rows]
    np.testing.assert_array_equal(np.float32(column), units[: LAST + 1, FACE_UNITS.index("AU45")])
    opening = [float(row.split(",")[names.index(" AU25_r")]) for row in rows]
    true = np.abs(np.sin(np.arange(LAST + 1) * 0.7))  # `tests.support.subject`
    assert np.corrcoef(opening, true)[0, 1] > 0.95


# The round trip


def test_poses_come_back(subject, again):
    before, after = (
        HeadPoses.read(subject / "face/pose.npz"),
        GivenPoses.read(again / "given/poses.npz"),
    )
    rows = np.flatnonzero(after.head.known)
    assert set(range(LAST + 1)) - set(rows) == {30, 31}
    np.testing.assert_allclose(after.head.R[rows], before.head.R[rows], atol=1e-6)
    np.testing.assert_allclose(after.head.t[rows], before.head.t[rows], atol=1e-6)
    assert after.focal == before.focal


def test_the_split_comes_back(subject, again):
    before = read_frame_table(subject / "clip/frames.csv")
    after = read_frame_table(again / "given/frames.csv")
    for split in ("train", "test"):
        assert after.frames(split).tolist() == before.frames(split).tolist()


def test_features_and_action_units_come_back_exactly(subject, again):
    before = load_npz(subject / "speech/features.npz")
    after = load_npz(again / "speech/features.npz")
    for name, values in before.items():
        values = values[: LAST + 1] if name == "features" else values
        np.testing.assert_array_equal(after[name], values)
    np.testing.assert_array_equal(
        read_action_units(again / "face/eyes.csv"),
        read_action_units(subject / "face/eyes.csv")[: LAST + 1],
    )


def test_pictures_come_back_through_both_codecs(subject, again):
    before = list(read_video(subject / "clip/video.mp4"))[: LAST + 1]
    after = list(read_video(again / "clip/video.mp4"))
    assert len(after) == LAST + 1
    error = np.square(np.stack(before).astype(float) - np.stack(after)).mean()
    assert 10 * np.log10(255**2 / error) > 38


def test_sound_and_regions_come_back(subject, again):
    sound = read_audio(again / "speech/audio.wav")
    np.testing.assert_array_equal(sound, read_audio(subject / "speech/audio.wav")[: len(sound)])
    assert len(sound) == (LAST + 1) * 640
    before = np.stack(list(read_labels(subject / "regions/labels.mkv")))[: LAST + 1]
    after = np.stack(list(read_labels(again / "regions/labels.mkv")))
    # Lips are face there: only what is inside is mouth.
    assert (after == MOUTH)[before != MOUTH].sum() == 0
    same = before != MOUTH
    np.testing.assert_array_equal(after[same], before[same])


def test_features_of_another_system_go_out_under_their_name(tmp_path):
    folder = write_lineage(tmp_path / "obama")
    import_lineage(folder, tmp_path / "import", Choices(speech="theirs"))
    subject = prepared_subject(tmp_path / "ann")
    speech = SpeechFeatures.read(tmp_path / "import/speech/features.npz")
    replace(speech, windows=speech.windows[:FRAMES]).write(subject / "speech/features.npz")
    export_lineage(Prepared(subject, subject / "face/pose.npz"), tmp_path / "out")
    raw = np.load(folder / "aud_ds.npy")[: LAST + 1]
    np.testing.assert_allclose(np.load(tmp_path / "out/aud_ds.npy")[: LAST + 1], raw, atol=1e-5)


# The command


def test_the_command_tells_what_a_reader_has_to_know(subject, tmp_path, capsys):
    main(["export", "lineage", str(subject), str(tmp_path / "ann")])
    told = capsys.readouterr().err
    assert "process.py --task 2" in told and "151 pictures" in told
    record = json.loads((tmp_path / "ann/unigs/export.json").read_text())
    assert record["poses"] == "face/pose.npz" and record["frames"]["left_out"] == 5


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("{subject}", "{there}"), "is there already: give another folder"),
        (("{there}", "{new}"), "clip/frames.csv does not exist: prepare the subject first"),
        (("{subject}", "{new}", "--variant", "unigs"), "static/pose.npz does not exist"),
    ],
)
def test_what_cannot_be_given_out(subject, tmp_path, capsys, words, sentence):
    there, new = tmp_path / "there", tmp_path / "new"
    there.mkdir()
    filled = [word.format(subject=subject, there=there, new=new) for word in words]
    with pytest.raises(SystemExit) as stopped:
        main(["export", "lineage", *filled])
    assert stopped.value.code == 2 and sentence in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_another_frame_rate_is_refused(tmp_path):
    subject = prepared_subject(tmp_path / "ann")
    path = subject / "clip/frames.csv"
    table = read_frame_table(path)
    table.time[:] = np.arange(FRAMES) / 30
    table.write()
    with pytest.raises(UserError, match="has 30 frames a second: the lineage's systems know 25"):
        export_lineage(Prepared(subject, subject / "face/pose.npz"), tmp_path / "out")
