"""Tables of OpenFace and pyfaceau, matched by number and time; the program, by a stand-in."""

import os

import numpy as np
import pandas as pd
import pytest

from tests.support.openface import openface_csv
from unigs.prepare.face.openface import read_openface, run_openface
from unigs.stage.errors import UserError
from unigs.subject.features import ACTION_UNITS as UNITS
from unigs.subject.series import fill_gaps

T = 30


@pytest.fixture
def table(tmp_path):
    """A table of 30 frames at 25 a second, and what writes and reads it."""

    class Table:
        path = openface_csv(tmp_path / "of.csv", T)
        data = pd.read_csv(path, skipinitialspace=True)

        def read(self, fps=25.0):
            self.data.to_csv(self.path, index=False)
            return read_openface(self.path, T, self.path, fps=fps)

        def refused(self, words, fps=25.0):
            with pytest.raises(UserError, match=words) as stopped:
                self.read(fps)
            assert "\n" not in str(stopped.value)

    return Table()


RISE = np.arange(T) / 100 + 3  # AU01 of `openface_csv`


def test_failed_rows_are_bridged(table):
    table.data.loc[10:14, "success"] = 0
    table.data.loc[10:14, "AU01_r"] = 0.0
    values, known = table.read()
    assert (~known).sum() == 5
    np.testing.assert_allclose(fill_gaps(values, known)[:, 0], RISE, atol=1e-3)


def test_rows_that_are_missing_are_named_and_shift_nothing(table, caplog):
    table.data = table.data.drop([0, 4, 5, 6, 20])
    values, known = table.read()
    assert np.flatnonzero(~known).tolist() == [0, 4, 5, 6, 20]
    np.testing.assert_allclose(values[known, 0], RISE[known], atol=1e-3)
    assert "no rows for 5 frames" in caplog.text and ": 0, 4-6, 20" in caplog.text


@pytest.mark.parametrize("fps", [25.0, None])
def test_the_order_of_rows_does_not_matter(table, fps):
    table.data = table.data.sample(frac=1, random_state=3)
    values, known = table.read(fps)
    assert known.all()
    np.testing.assert_allclose(values[:, 0], RISE, atol=1e-3)


def test_a_table_of_pyfaceau_counts_from_zero_and_says_true_and_false(table):
    """Without face_id and confidence; the units of a failed frame are empty."""
    data = table.data.drop(columns=["face_id", "confidence"])
    data["frame"] -= 1
    data["success"] = [str(row != 7) for row in range(T)]
    data.loc[7, [f"{unit}_r" for unit in UNITS]] = np.nan
    table.data = data.drop([0])  # now nothing but the times says where it begins
    values, known = table.read()
    assert np.flatnonzero(~known).tolist() == [0, 7]
    np.testing.assert_allclose(values[known, 0], RISE[known], atol=1e-3)


def test_of_two_faces_the_surest_that_was_found_counts(table):
    table.data["confidence"] = 0.9
    other = table.data.assign(face_id=1, confidence=0.7) + 0.0
    other["AU01_r"] = 0.25
    other.loc[3, "confidence"] = 0.95  # surer, but not found
    other.loc[3, "success"] = 0
    other.loc[5, "confidence"] = 0.95
    table.data = pd.concat([table.data, other])
    values, known = table.read()
    assert known.all() and values[5, 0] == 0.25
    np.testing.assert_allclose(np.delete(values[:, 0], 5), np.delete(RISE, 5), atol=1e-3)


def test_tables_of_another_clip_are_refused(table):
    table.refused(r"frame 30 stands at 1\.160 s, in the clip at 0\.967 s: run OpenFace", fps=30.0)
    table.data["frame"] += 5
    table.refused("stands at .* in the clip at")
    table.refused(r"has 30 rows but .* has 30 frames, and its frames go from 6 to 35", fps=None)


def test_a_table_of_pictures_has_no_times(table):
    """OpenFace writes zero for the time of pictures."""
    table.data["timestamp"] = 0.0
    assert table.read()[1].all()


def test_a_table_without_numbers_needs_all_rows(table):
    table.data = table.data.drop(columns=["frame", "timestamp"])
    assert table.read()[1].all()
    table.data = table.data[:-1]
    table.refused("has 29 rows but .* has 30 frames: run OpenFace on the clip")


def test_half_a_table_is_refused(table):
    table.data = table.data[:14]
    table.refused(r"leaves out 16 of 30 frames \(14-29\)")
    table.data["success"] = 0
    table.refused("leaves out|no row in which OpenFace found a face")


def test_text_in_a_cell_or_a_folder_is_one_sentence(table, tmp_path):
    table.data["success"] = table.data["success"].astype(object)
    table.data.loc[7, "success"] = "perhaps"
    table.refused("column success holds 'perhaps' in row 7")
    table.data["success"] = 1
    table.data["AU01_r"] = table.data["AU01_r"].astype(object)
    table.data.loc[7, "AU01_r"] = "n.a.!"
    table.refused(r"of\.csv: column AU01_r holds 'n\.a\.!' .* in row 7; run")
    with pytest.raises(UserError, match="is a folder, not a table"):
        read_openface(tmp_path, T, tmp_path)


# --- the program ----------------------------------------------------------------------------------

PROGRAM = """#!/bin/sh
# Writes a table as OpenFace does, if it is asked as OpenFace is.
[ "$1 $3 $4 $6" = "-f -aus -out_dir -of" ] && [ -f "$2" ] || { echo "bad command" >&2; exit 3; }
echo "Reading the video file"
[ -n "$FAILS" ] && { echo "Could not load the CLNF model" >&2; exit $FAILS; }
cp "$TABLE" "$5/$7.csv"
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A stand-in for FeatureExtraction, alone on PATH with the system's programs."""
    folder = tmp_path / "OpenFace bin"
    folder.mkdir()
    (folder / "FeatureExtraction").write_text(PROGRAM)
    (folder / "FeatureExtraction").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("TABLE", str(openface_csv(tmp_path / "their.csv", T)))
    (tmp_path / "my clip.mp4").touch()
    return tmp_path / "my clip.mp4"


def test_the_program_writes_the_table_that_is_read(program, tmp_path):
    run_openface(program, tmp_path / "out/openface.csv")
    values, known = read_openface(tmp_path / "out/openface.csv", T, program, fps=25)
    assert known.all()
    np.testing.assert_allclose(values[:, 0], RISE, atol=1e-3)


def test_a_program_that_fails_or_lacks_units_leaves_nothing(program, tmp_path, monkeypatch):
    out = tmp_path / "openface.csv"
    for code in ("1", "0"):
        monkeypatch.setenv("FAILS", code)
        with pytest.raises(UserError, match=rf"exit code {code}; it says: Could not load the CLNF"):
            run_openface(program, out)
    monkeypatch.delenv("FAILS")
    monkeypatch.setenv("TABLE", str(openface_csv(tmp_path / "less.csv", T, drop=("AU45_r",))))
    with pytest.raises(UserError, match="has no column AU45_r"):
        run_openface(program, out)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="FeatureExtraction is not on PATH: install OpenFace"):
        run_openface(program, out)
    assert not out.exists()
