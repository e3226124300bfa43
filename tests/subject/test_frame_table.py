"""The frame table: what it says of frames, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from tests.support.subject import write_table
from unigs.stage.errors import UserError
from unigs.subject.frame_table import read_frame_table


def test_a_table_is_read_as_it_was_written(tmp_path):
    keep = np.arange(20) != 4
    reason = {4: "hands+user", 9: "jump_cut", 4 + 9: "fade+jump_cut"}
    written = write_table(tmp_path / "frames.csv", 20, keep=keep, reason=reason)
    read = read_frame_table(tmp_path / "frames.csv")
    for name in ("time", "keep", "reason", "split"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    assert np.flatnonzero(read.jump_cuts).tolist() == [9, 13]
    assert np.flatnonzero(read.marked("hands")).tolist() == [4]
    assert read.fps == pytest.approx(25)


def test_frames_of_a_split_are_kept_and_usable(tmp_path):
    keep, usable = np.arange(22) != 3, np.arange(22) != 21
    table = write_table(tmp_path / "frames.csv", 22, keep=keep)
    assert table.frames("test", usable).tolist() == [20]
    assert table.frames("train").tolist() == [k for k in range(20) if k != 3]


def test_a_part_ends_at_a_jump_cut_and_where_the_split_changes(tmp_path):
    test = np.isin(np.arange(12), [0, 1, 5, 6])
    marks = {0: "jump_cut", 5: "jump_cut", 9: "fade+jump_cut"}
    table = write_table(tmp_path / "frames.csv", 12, reason=marks, test=test)
    assert table.parts.tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4]
    assert np.flatnonzero(table.starts).tolist() == [2, 5, 7, 9]


def test_a_reason_is_a_whole_word(tmp_path):
    """A mark whose name holds another's is not taken for it."""
    table = write_table(tmp_path / "frames.csv", 3, reason={1: "no_jump_cut"})
    assert not table.jump_cuts.any()


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda t: t.drop(columns="split"), r"frames\.csv has no column split: run screen_clip"),
        (lambda t: t.iloc[[0, 1, 1, 2]], "skips or repeats frame numbers"),
        (lambda t: t.assign(time="soon"), "column time holds 'soon' instead of a number in row 0;"),
        (lambda t: t.iloc[:0].drop(columns="frame"), "has no column frame"),
        (lambda t: t.assign(time=[0, 1, np.inf, 3, 4]), "column time .* not finite in row 2; run"),
        (lambda t: t.assign(time=[0, 1, 1, 3, 4]), "times that do not rise"),
        (lambda t: t.assign(keep=[1, 0, "", 1, 1]), "column keep holds '' instead of a number in"),
        (lambda t: t.assign(keep=0.5), "column keep holds float64 instead of whole numbers"),
        (lambda t: t.assign(split="both"), "column split holds 'both', not train or test; run"),
    ],
)
def test_a_damaged_table_gets_one_sentence(tmp_path, change, sentence):
    path = tmp_path / "frames.csv"
    write_table(path, 5)
    change(pd.read_csv(path, keep_default_na=False)).to_csv(path, index=False)
    with pytest.raises(UserError, match=sentence):
        read_frame_table(path)


def test_no_table_and_no_time(tmp_path):
    with pytest.raises(UserError, match="run screen_clip first"):
        read_frame_table(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match=r"empty\.csv is not a table \(No columns .*\): run"):
        read_frame_table(tmp_path / "empty.csv")
    with pytest.raises(UserError, match="is a folder, not a table"):
        read_frame_table(tmp_path)
    with pytest.raises(UserError, match="has 1 frames: use a clip of some seconds"):
        _ = write_table(tmp_path / "one.csv", 1).fps


def test_rows_of_another_clip_are_refused_with_both_files_and_numbers(tmp_path):
    table = write_table(tmp_path / "frames.csv", 5)
    table.check_rows(tmp_path / "pose.npz", np.zeros(5))
    table.check_rows(None, None)
    with pytest.raises(UserError, match=r"pose\.npz has 4 rows but .*frames\.csv has 5 frames"):
        table.check_rows(tmp_path / "pose.npz", np.zeros(4))
