"""Files between stages: what is not as specified is refused in one sentence that names it."""

import numpy as np
import pytest

from tests.support.subject import subject_files, write_features
from unigs.stage.errors import UserError
from unigs.stage.files import save_npz
from unigs.subject.features import (
    HeadPoses,
    Landmarks,
    SpeechFeatures,
    TorsoMotion,
    read_action_units,
    write_action_units,
)

FRAMES = 7
READERS = {
    "pose": HeadPoses.read,
    "landmarks": Landmarks.read,
    "body": TorsoMotion.read,
    "speech": SpeechFeatures.read,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    made = subject_files(tmp_path_factory.mktemp("features"))
    write_features(made, FRAMES)
    return made


def holed(array, at=(3,)):
    out = np.array(array, float)
    out[at] = np.nan
    return out


@pytest.mark.parametrize(
    ("file", "name", "change", "sentence"),
    [
        ("pose", "t", lambda x: x[:-2], "t is 5x3, expected Tx3 with T = 7 as in R; run fit_pose"),
        ("pose", "R", lambda x: x[:, 0], "R is 7x3, expected Tx3x3; run fit_pose"),
        ("pose", "focal", lambda x: 0.0, "focal must be larger than 0 and is 0; run fit_pose"),
        ("pose", "focal", lambda x: np.nan, "focal holds a value that is not finite; run"),
        ("pose", "focal", lambda x: "long", "focal holds <U4 instead of numbers; run"),
        ("pose", "size", lambda x: [64, 64], "size is 2, expected a single value; run"),
        ("pose", "size", lambda x: 64.5, "size holds float64 instead of whole numbers; run"),
        ("pose", "shape", lambda x: x[:400], "shape is 400x3, expected 468x3; run"),
        ("pose", "R", lambda x: holed(x, (3, 1, 1)), "R is not finite in frame 3, whose face"),
        ("landmarks", "points", lambda x: x[:, :100], "points is 7x100x3, expected Tx478x3; run "
         "detect_landmarks"),
        ("landmarks", "points", holed, "points is not finite in frame 3, whose face counts as"),
        ("landmarks", "found", lambda x: x.astype(float), "found holds float64 instead of true or"),
        ("body", "t", holed, "t holds a value that is not finite in row 3; run track_body"),
        ("body", "outline", lambda x: x[1:], "outline is 6x2, expected Tx2 with T = 7 as in R;"),
        ("speech", "features", lambda x: x[:, 0], "features is 7x8, expected TxWxD; run encode_sp"),
        ("speech", "features", holed, "features holds a value that is not finite in row 3; run"),
        ("speech", "silence", lambda x: x[:5], "silence is 5x8, expected WxD with W = 17 as in "
         "features, D = 8 as in features; run encode_speech"),
        ("speech", "std", lambda x: 0 * x, "std must be larger than 0 and is 0 in row 0; run"),
        ("speech", "features", lambda x: x[:0], "features is 0x17x8, expected TxWxD; run"),
    ],
)  # fmt: skip
def test_an_array_that_is_not_as_specified_is_named(files, tmp_path, file, name, change, sentence):
    READERS[file](getattr(files, file))
    data = dict(np.load(getattr(files, file)))
    path = tmp_path / "bad.npz"
    save_npz(path, **data | {name: change(data[name])})
    with pytest.raises(UserError) as error:
        READERS[file](path)
    assert str(error.value).startswith(f"{path}: {sentence}")
    assert str(error.value).endswith(" anew.")


def test_gaps_are_allowed_where_frames_may_be_unknown(files, tmp_path):
    data = dict(np.load(files.landmarks))
    found = np.arange(FRAMES) != 3
    save_npz(tmp_path / "a.npz", **data | {"points": holed(data["points"]), "found": found})
    assert not Landmarks.read(tmp_path / "a.npz").found[3]
    data = dict(np.load(files.pose))
    gaps = {name: holed(data[name]) for name in ("R", "t", "reprojection")}
    save_npz(tmp_path / "b.npz", **data | gaps)
    np.testing.assert_array_equal(HeadPoses.read(tmp_path / "b.npz").head.known, found)


def test_what_could_run_code_is_refused_without_advice_to_allow_it(files, tmp_path):
    path = tmp_path / "code.npz"
    np.savez(path, **dict(np.load(files.pose)) | {"t": np.array([{}], object)})
    for content in (path.read_bytes(), b"no archive", b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match="code.npz is damaged, or no .npz archive") as error:
            HeadPoses.read(path)
        assert "pickle" not in str(error.value)
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        HeadPoses.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("2,0,0,wide,0,0,0", "column AU05 holds 'wide' instead of a number in row 2; run measure_"),
        ("2,0,0,,0,0,0", "column AU05 holds a value that is not finite in row 2; run measure_eyes"),
    ],
)
def test_action_units_are_numbers(tmp_path, line, sentence):
    path = tmp_path / "eyes.csv"
    write_action_units(path, np.zeros((4, 7)))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], line, *lines[4:]]))
    with pytest.raises(UserError, match=sentence):
        read_action_units(path)
