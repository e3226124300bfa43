"""A given split is kept; faces that are not there and the user's own ranges are taken out."""

import numpy as np
import pytest

from tests.support.subject import write_table
from unigs.prepare.clip.given import given_table
from unigs.stage.errors import UserError

FRAMES = 200
NOTHING = np.zeros(FRAMES, bool)


def table(tmp_path, found=~NOTHING, **marks):
    keep = np.ones(FRAMES, bool)
    keep[7] = False
    test = np.arange(FRAMES) % 5 == 0
    write_table(tmp_path / "given.csv", FRAMES, keep=keep, reason={7: "user"}, test=test)
    marks = {"jump_cut": NOTHING, "user": NOTHING} | marks
    out = tmp_path / "frames.csv"
    return given_table(tmp_path / "given.csv", out, tmp_path / "landmarks.npz", found, marks), test


def test_split_and_frames_are_kept(tmp_path):
    made, test = table(tmp_path)
    np.testing.assert_array_equal(made.split == "test", test)
    assert np.flatnonzero(~made.keep).tolist() == [7] and made.reason[7] == "user"


def test_faces_that_are_not_there_and_ranges_of_the_sheet_do_not_count(tmp_path, caplog):
    found, user, cut = ~NOTHING, NOTHING.copy(), NOTHING.copy()
    found[20:23], user[50], cut[80] = False, True, True
    made, test = table(tmp_path, found, user=user, jump_cut=cut)
    assert np.flatnonzero(~made.keep).tolist() == [7, 20, 21, 22, 50]
    assert made.reason[20] == "no_face" and made.reason[80] == "jump_cut" and made.keep[80]
    np.testing.assert_array_equal(made.split == "test", test)
    assert "3 of 199 given frames show no face here" in caplog.text


def test_another_number_of_frames_is_refused(tmp_path):
    with pytest.raises(UserError, match="given.csv has 200 rows but .*landmarks.npz has 190"):
        table(tmp_path, np.ones(190, bool))
