"""Runs, gaps and values between rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unigs.subject.series import evenly_spaced, fill_gaps, interpolate, runs


@given(st.lists(st.booleans(), max_size=40))
def test_runs_cover_what_is_true_and_do_not_touch(values):
    mask = np.array(values, bool)
    found, again = runs(mask), np.zeros(len(mask), bool)
    for run in found:
        assert run.stop > run.start and mask[run].all()
        again[run] = True
    np.testing.assert_array_equal(again, mask)
    assert all(b.start > a.stop for a, b in zip(found, found[1:], strict=False))


def test_gaps_are_filled_along_the_line_between_their_neighbors():
    values = np.array([[9.0], [1.0], [9.0], [9.0], [4.0], [9.0]])
    known = np.array([False, True, False, False, True, False])
    np.testing.assert_allclose(fill_gaps(values, known)[:, 0], [1, 1, 2, 3, 4, 4])

    # A part with known rows is filled from these alone.
    parts = np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(fill_gaps(values, known, parts)[:, 0], [1, 1, 1, 4, 4, 4])
    parts = np.array([0, 0, 2, 2, 3, 3])
    np.testing.assert_allclose(fill_gaps(values, known, parts)[:, 0], [1, 1, 2, 3, 4, 4])


def test_interpolation_is_linear_and_hits_the_rows():
    rows = np.array([[0.0, 10.0], [1.0, 30.0], [5.0, 20.0]])
    found = interpolate(rows, np.array([0.0, 0.5, 1.0, 1.25, 2.0]))
    np.testing.assert_allclose(found, [[0, 10], [0.5, 20], [1, 30], [2, 27.5], [5, 20]])
    assert interpolate(rows[:1], np.zeros(3)).tolist() == [[0, 10]] * 3


def test_rows_are_evenly_spaced_from_the_first_to_the_last():
    rows = evenly_spaced(np.arange(20, 60), 5)
    assert rows[0] == 20 and rows[-1] == 59 and len(rows) == 5
    assert np.ptp(np.diff(rows)) <= 1
    np.testing.assert_array_equal(evenly_spaced(np.array([20, 21, 25]), 50), [20, 21, 25])
