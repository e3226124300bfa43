"""A folder of AD-NeRF's layout becomes files that the preparation goes on from."""

import json
import shutil
import tracemalloc

import numpy as np
import pytest
import torch

from tests.support import lineage
from tests.support.lineage import FOCAL, HELD_OUT, PICTURES, SIDE, UNITS, track, write_au
from unigs.__main__ import main
from unigs.exchange.lineage.take import Choices, import_lineage
from unigs.media.audio import read_audio
from unigs.media.video import read_video
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.errors import UserError
from unigs.subject.features import FACE_UNITS, SpeechFeatures, read_action_units
from unigs.subject.frame_table import TEST, TRAIN, read_frame_table
from unigs.subject.given import GivenPoses
from unigs.subject.labels import BACKGROUND, FACE, HAIR, MOUTH, TORSO, read_labels


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return lineage.write_lineage(tmp_path_factory.mktemp("lineage") / "obama")


@pytest.fixture
def folder(made, tmp_path):
    """A copy to break."""
    return shutil.copytree(made, tmp_path / "obama")


@pytest.fixture(scope="module")
def theirs(made, tmp_path_factory):
    """An import that takes all it can of the folder."""
    out = tmp_path_factory.mktemp("theirs") / "import"
    record = import_lineage(made, out, Choices(speech="theirs", regions="theirs"))
    return out, record


def take(folder, **choices):
    out = folder.parent / "import"
    return out, import_lineage(folder, out, Choices(**choices))


# What is taken


def test_poses_project_as_the_layouts_own_formula_does(theirs):
    """x = cx - f X / Z, y = cy + f Y / Z with X = R x + trans, Z < 0, in the tracker's 10 cm."""
    poses = GivenPoses.read(theirs[0] / "given/poses.npz")
    _, trans, rotations = track()
    face = np.random.default_rng(1).normal(0, 0.05, (30, 3))  # right, up, toward the camera
    seen = 10 * face @ np.swapaxes(rotations, 1, 2) + trans[:, None]
    x = SIDE / 2 - FOCAL * seen[..., 0] / seen[..., 2]
    y = SIDE / 2 + FOCAL * seen[..., 1] / seen[..., 2]
    ours = face * [1, -1, -1] @ np.swapaxes(poses.head.R, 1, 2) + poses.head.t[:, None]
    pixels = poses.focal * ours[..., :2] / ours[..., 2:] + poses.size / 2
    np.testing.assert_allclose(pixels, np.stack([x, y], -1), atol=1e-4)
    assert poses.focal == FOCAL and poses.size == SIDE


def test_split_is_theirs(theirs):
    table = read_frame_table(theirs[0] / "given/frames.csv")
    assert (table.split == np.repeat([TRAIN, TEST], [PICTURES - HELD_OUT, HELD_OUT])).all()
    assert table.keep.all() and table.fps == pytest.approx(25, rel=1e-3)


def test_pictures_are_kept_as_stated(theirs):
    out, record = theirs
    frames = list(read_video(out / "clip/video.mp4"))
    assert len(frames) == PICTURES and "H.264 (x264) at crf 10" in record["taken"]["pictures"]
    for k in (0, 100, PICTURES - 1):
        error = frames[k].astype(float) - lineage.picture(k)
        assert 10 * np.log10(255**2 / np.square(error).mean()) > 38


def test_action_units_are_theirs_to_the_digit(theirs, made):
    units = read_action_units(theirs[0] / "face/eyes.csv")
    table = np.loadtxt(made / "au.csv", delimiter=",", skiprows=1)
    ours = [3 + UNITS.index(name) for name in FACE_UNITS]
    np.testing.assert_array_equal(units, table[:, ours].astype(np.float32))


def test_features_are_taken_as_they_are_and_say_so(theirs, made):
    out, record = theirs
    speech = SpeechFeatures.read(out / "speech/features.npz")
    raw = np.load(made / "aud_ds.npy")
    np.testing.assert_allclose(speech.windows * speech.std + speech.mean, raw, atol=1e-5)
    trained = speech.windows[: PICTURES - HELD_OUT].reshape(-1, 29)
    np.testing.assert_allclose(trained.mean(0), 0, atol=1e-4)
    assert speech.rate == 50 and "aud_ds.npy (DeepSpeech), as given" == record["taken"]["speech"]
    assert record["hears"] is False
    with pytest.raises(UserError, match="imported aud_ds.npy, which cannot be made of other rec"):
        SpeechEncoder.from_json(speech.encoder, out / "speech/features.npz")


def test_regions_are_theirs_where_hair_is_told(theirs):
    labels = list(read_labels(theirs[0] / "regions/labels.mkv"))
    rows = [BACKGROUND, HAIR, FACE, MOUTH, TORSO, TORSO, BACKGROUND, BACKGROUND]
    assert len(labels) == PICTURES
    np.testing.assert_array_equal(labels[7], np.repeat(rows, 8)[:, None] * np.ones(SIDE))


def test_by_default_the_sound_is_encoded_here(made, tmp_path):
    record = import_lineage(made, tmp_path / "import", Choices())
    assert record["taken"]["speech"] == "encoded here from the sound" and record["hears"]
    assert not (tmp_path / "import/speech/features.npz").exists()
    assert not (tmp_path / "import/regions").exists()
    samples = read_audio(tmp_path / "import/speech/audio.wav")
    assert len(samples) == PICTURES * 640
    np.testing.assert_allclose(samples, read_audio(made / "aud.wav"), atol=1e-4)


def test_a_smaller_clip_has_a_shorter_focal_length(made, tmp_path):
    import_lineage(made, tmp_path / "import", Choices(size=128, regions="theirs"))
    poses = GivenPoses.read(tmp_path / "import/given/poses.npz")
    assert (poses.focal, poses.size) == (2 * FOCAL, 128)
    assert next(read_video(tmp_path / "import/clip/video.mp4")).shape == (128, 128, 3)
    assert next(read_labels(tmp_path / "import/regions/labels.mkv")).shape == (128, 128)


def test_frames_that_are_listed_nowhere_do_not_count(folder):
    """As in AD-NeRF's valid_img_ids: the numbers have a hole, nothing is shifted."""
    path = folder / "transforms_train.json"
    content = json.loads(path.read_text())
    kept = [frame for frame in content["frames"] if frame["img_id"] not in (50, 51)]
    path.write_text(json.dumps(content | {"frames": kept}))
    out, record = take(folder)
    table, poses = (
        read_frame_table(out / "given/frames.csv"),
        GivenPoses.read(out / "given/poses.npz"),
    )
    assert np.flatnonzero(~table.keep).tolist() == [50, 51] and table.reason[50] == "user"
    assert np.flatnonzero(~poses.head.known).tolist() == [50, 51]
    assert record["frames"] == {"all": PICTURES, "train": 198, "test": HELD_OUT}


def test_decimeters_are_told_from_meters(folder):
    for name in ("transforms_train.json", "transforms_val.json"):
        content = json.loads((folder / name).read_text())
        for frame in content["frames"]:
            for row in frame["transform_matrix"][:3]:
                row[3] *= 10
        (folder / name).write_text(json.dumps(content))
    out, record = take(folder)
    assert GivenPoses.read(out / "given/poses.npz").head.t[:, 2].mean() == pytest.approx(
        0.8, abs=0.05
    )
    assert "decimeters made meters" in record["taken"]["poses"]


def test_a_folder_without_sound_and_action_units_is_taken_too(folder):
    (folder / "aud.wav").unlink(), (folder / "au.csv").unlink()
    out, record = take(folder)
    assert record["taken"]["sound"] == "none" and record["taken"]["eyes"] == "measured here"
    assert not record["hears"] and not (out / "face/eyes.csv").exists()


def test_au_csv_with_blinks_alone_is_left_to_us(folder, caplog):
    text = (folder / "au.csv").read_text().replace("AU06_r", "AU09_r")
    (folder / "au.csv").write_text(text)
    out, record = take(folder)
    assert record["taken"]["eyes"] == "measured here" and "lacks action units" in caplog.text


def test_the_command_prints_the_row_of_the_sheet(made, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["import", str(made), "--name", "Barack O.", "--dataset", "shorthair"])
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split("\t") == ["subject", "dataset", "imported"]
    assert row.split("\t") == ["barack_o", "shorthair", "resources/imported/barack_o"]
    sums = json.loads((tmp_path / "resources/imported/barack_o/import.json").read_text())["sha256"]
    assert {"clip/video.mp4", "given/frames.csv", "given/poses.npz"} <= set(sums)
    with pytest.raises(SystemExit) as stopped:
        main(["import", str(made), "--name", "barack_o"])
    assert stopped.value.code == 2 and "is there already" in capsys.readouterr().err


# Traps: one sentence, and nothing half-written


def refused(folder, sentence, **choices):
    with pytest.raises(UserError, match=sentence) as stopped:
        take(folder, **choices)
    assert "\n" not in str(stopped.value)
    left = [path.name for path in folder.parent.iterdir()]
    assert left == [folder.name], "something was left behind"


def edit_json(folder, change, names=("transforms_train.json", "transforms_val.json")):
    for name in names:
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    "key, sentence",
    [
        ("focal_len", "transforms_train.json has no focal_len or fl_x: .* write it into"),
        ("cx", "transforms_train.json has no cx: focal_len, cx and cy say in pixels"),
        ("cy", "transforms_train.json has no cy: "),
    ],
)
def test_an_unknown_camera(folder, key, sentence):
    edit_json(folder, lambda content: content.pop(key))
    refused(folder, sentence)


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("[" * 100_000, "cannot be read as JSON .*: make it anew"),
        ('{"focal_len": 1%s, "cx": 32, "cy": 32, "frames": [{}]}' % ("0" * 400), "focal_len is 10"),
        (
            '{"focal_len": 9, "cx": 9, "cy": 9, "frames": [{"img_id": 1%s}]}' % ("0" * 30),
            "frame 0 of the list has no whole number img_id",
        ),
        (
            '{"focal_len": 9, "cx": 9, "cy": 9, "frames": [{"img_id": 0, "transform_matrix": '
            "[[1%s]]}]}" % ("0" * 400),
            "transform_matrix of img_id 0 is no rotation",
        ),
    ],
    ids=["deep", "focal length", "picture", "matrix"],
)
def test_numbers_and_nesting_beyond_all_bounds(folder, content, sentence):
    (folder / "transforms_train.json").write_text(content)
    refused(folder, rf"transforms_train\.json.*{sentence}")


def test_a_focal_length_under_its_other_name(folder):
    def rename(content):
        content["fl_x"] = content["fl_y"] = content.pop("focal_len")

    edit_json(folder, rename)
    assert take(folder)[1]["focal"] == FOCAL


def test_a_principal_point_beside_the_middle(folder):
    edit_json(folder, lambda content: content.update(cx=40.0))
    refused(folder, "cx 40, cy 32 is not the middle of pictures of 64x64: they were cropped")


def test_files_that_disagree(folder):
    edit_json(folder, lambda c: c.update(focal_len=99.0), ["transforms_val.json"])
    refused(folder, "give different focal lengths or principal points")


def test_a_frame_of_both_splits(folder):
    edit_json(folder, lambda c: c["frames"][0].update(img_id=3), ["transforms_val.json"])
    refused(folder, "img_id 3 stands twice in transforms_train.json and transforms_val.json")


def test_a_matrix_that_is_no_pose(folder):
    edit_json(folder, lambda c: c["frames"][2]["transform_matrix"][0].__setitem__(0, 3.0))
    refused(folder, "transform_matrix of img_id 2 is no rotation and translation")


def test_poses_of_other_axes(folder):
    def turn(content):
        for frame in content["frames"]:
            for row in frame["transform_matrix"][:3]:
                row[1], row[2] = -row[1], -row[2]

    edit_json(folder, turn)
    refused(folder, "the pose of img_id 0 the head lies behind the camera: .* OpenGL's axes")


def test_a_missing_file_of_poses(folder):
    (folder / "transforms_val.json").unlink()
    refused(folder, r"transforms_val\.json does not exist: a folder of AD-NeRF's layout has")


def test_a_place_that_takes_no_folder(folder):
    with pytest.raises(UserError, match=r"nothing can be written into .*aud\.wav \(File exists\)"):
        import_lineage(folder, folder / "aud.wav" / "new", Choices())


def test_numbers_of_pictures_with_a_hole(folder):
    (folder / "gt_imgs/17.jpg").unlink()
    refused(folder, r"gt_imgs lacks 1 of 220 pictures \(17\): their numbers must go from 0 to 219")


def test_a_picture_of_a_vast_number_takes_no_memory(folder):
    vast = 2_000_000
    (folder / f"gt_imgs/{vast}.jpg").write_bytes(b"")
    tracemalloc.start()
    try:
        refused(folder, rf"lacks {vast - PICTURES} of .* \(220, 221, 222, 223, 224, \.\.\.\)")
        assert tracemalloc.get_traced_memory()[1] < 2e7
    finally:
        tracemalloc.stop()


def test_pictures_that_count_from_one(folder):
    for k in range(PICTURES - 1, -1, -1):
        (folder / f"gt_imgs/{k}.jpg").rename(folder / f"gt_imgs/{k + 1}.jpg")
    refused(folder, "gt_imgs begins with picture 1 .* counts from 0")


def test_poses_shifted_by_a_missing_face(folder):
    """The tracker numbers the frames with landmarks one after the other; one had none."""
    (folder / "ori_imgs").mkdir()
    for k in range(PICTURES):
        if k != 90:
            (folder / f"ori_imgs/{k}.lms").write_text("")
    edit_json(folder, lambda content: content["frames"].pop(), ["transforms_val.json"])
    refused(
        folder,
        r"poses for pictures 0 to 218, but .*gt_imgs has 220: where no face was found \(picture 90 "
        r"has no landmarks, 90\.lms\) the tracker goes on",
    )


def test_action_units_of_the_source_at_30_frames_a_second(folder):
    write_au(folder / "au.csv", np.ones((PICTURES * 30 // 25, len(UNITS))))
    refused(folder, "au.csv has 264 rows for 220 pictures .* as many as at 30 frames a second")


def test_action_units_with_times_of_30_frames_a_second(folder):
    """Cut to the right length, and still of another clock."""
    write_au(folder / "au.csv", np.ones((PICTURES, len(UNITS))), fps=30)
    refused(
        folder, "au.csv was measured at 30 frames a second, but the pictures are taken to be 25"
    )


def test_action_units_with_a_missing_row(folder):
    write_au(folder / "au.csv", np.ones((PICTURES - 1, len(UNITS))))
    refused(folder, "au.csv has 219 rows for 220 pictures .* a row is missing, say of a frame with")


def test_action_units_with_a_hole_in_their_numbers(folder):
    frames = np.delete(np.arange(1, PICTURES + 2), 80)
    write_au(folder / "au.csv", np.ones((PICTURES, len(UNITS))), frames)
    refused(folder, "au.csv goes from frame 80 to frame 82: row k must be picture k")


def test_features_of_the_source_at_30_frames_a_second(folder):
    np.save(folder / "aud_ds.npy", np.zeros((PICTURES * 30 // 25, 16, 29)))
    refused(folder, "aud_ds.npy has 264 rows for 220 .* at 30 frames a second", speech="theirs")


@pytest.mark.parametrize(
    "shape, sentence",
    [
        ((2 * PICTURES, 29), "is 440 x 29, rows of a network's outputs, not yet cut into a window"),
        ((PICTURES, 29, 16), "is 220 x 29 x 16, windows that lie on their side"),
        ((PICTURES, 16, 32), "is 220 x 16 x 32, of a shape that no system of the lineage reads"),
        ((PICTURES, 16, 44), r"holds 16 x 44 .* as wav2vec2 \(Esperanto\) .* call it aud_eo.npy"),
        ((PICTURES - 15, 16, 29), "has 205 rows for 220 pictures .* a row is missing"),
        ((PICTURES + 60, 16, 29), "has 280 rows for 220 pictures .* of another or a longer clip"),
    ],
)
def test_features_of_another_shape(folder, shape, sentence):
    np.save(folder / "aud_ds.npy", np.zeros(shape, np.float32))
    refused(folder, f"aud_ds.npy {sentence}", speech="theirs")


def test_features_under_two_names_that_differ(folder):
    np.save(folder / "aud.npy", np.zeros((PICTURES, 16, 29)))
    refused(folder, r"holds aud_ds\.npy and aud\.npy, which differ: say which", speech="theirs")
    out, record = take(folder, speech="theirs", features=folder / "aud.npy")
    assert record["taken"]["speech"] == "aud.npy (DeepSpeech), as given"


@pytest.mark.parametrize("rows", [PICTURES - 3, PICTURES + 2])
def test_features_a_little_shorter_or_longer_than_the_pictures(folder, rows):
    raw = np.random.default_rng(0).normal(0, 1, (rows, 16, 44))
    (folder / "aud_ds.npy").unlink()
    np.save(folder / "aud_eo.npy", raw)
    out, _ = take(folder, speech="theirs")
    speech = SpeechFeatures.read(out / "speech/features.npz")
    back = speech.windows * speech.std + speech.mean
    np.testing.assert_allclose(back[PICTURES - 1], raw[min(rows, PICTURES) - 1], atol=1e-5)


def test_features_that_would_run_code(folder, tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    np.save(folder / "aud_ds.npy", np.array([Harm()], object), allow_pickle=True)
    refused(folder, r"aud_ds\.npy is no array of numbers", speech="theirs")


def test_features_that_claim_more_rows_than_the_file_has(folder):
    with open(folder / "aud_ds.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 16, 29)}
        np.lib.format.write_array_header_1_0(file, header)
    refused(folder, r"aud_ds\.npy is no array of numbers", speech="theirs")


def test_sound_of_another_length(folder):
    shutil.copy(folder / "aud.wav", folder / "long.wav")
    lineage.write_wav(folder / "aud.wav", np.ones(PICTURES * 640 * 25 // 30, np.float32) * 0.1)
    refused(
        folder,
        r"aud\.wav lasts 7\.33 s, but 220 pictures in .* at 25 a second last 8\.80 s \(they would "
        r"fit at 30 a second\)",
    )
    (folder / "au.csv").unlink()
    assert take(folder, fps=30.0)[1]["fps"] == 30


def test_parsing_in_colors_without_hair(folder):
    image = lineage.parsing()
    image[(image == 0).all(-1)] = (0, 0, 255)
    for k in range(PICTURES):
        lineage.cv2.imwrite(str(folder / f"parsing/{k}.png"), image[..., ::-1])
    refused(folder, "parsing shows no hair: in the colors of AD-NeRF and ER-NeRF", regions="theirs")


def test_parsing_with_loss(folder):
    image = lineage.parsing()
    image[5, 5] = (250, 3, 2)
    lineage.cv2.imwrite(str(folder / "parsing/4.png"), image[..., ::-1])
    refused(folder, r"4\.png holds a color that is no region", regions="theirs")


# track_params.pt


def write_track(folder, trans, **more):
    angles, _, _ = track(len(trans))
    content = {"euler": torch.from_numpy(angles), "trans": torch.from_numpy(trans).float()}
    torch.save(content | {"focal": torch.tensor([FOCAL])} | more, folder / "track_params.pt")


def test_the_trackers_file_agrees(folder):
    write_track(folder, track()[1], id=torch.zeros(1, 100))
    assert take(folder)[1]["taken"]["track_params.pt"] == "agrees with the poses"


def test_the_trackers_file_with_a_missing_row(folder):
    write_track(folder, track()[1][1:])
    refused(folder, "track_params.pt has 219 rows for 220 pictures: a frame without a face has")


def test_the_trackers_file_with_shifted_rows(folder):
    trans = track()[1]
    write_track(folder, np.concatenate([trans[:100], trans[90:-10]]))
    refused(folder, "track_params.pt and the transform_matrix of img_id 10[0-9] give different")


def test_a_refined_path_is_not_compared(folder):
    write_track(folder, track()[1] + np.random.default_rng(0).normal(0, 1, (PICTURES, 3)))
    (folder / "bundle_adjustment.pt").write_bytes(b"not looked into")
    assert "bundle_adjustment.pt" in take(folder)[1]["taken"]["track_params.pt"]


def test_the_trackers_file_runs_no_code(folder, tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    write_track(folder, track()[1], harm=Harm())
    take(folder)
    assert not (tmp_path / "harm").exists()
