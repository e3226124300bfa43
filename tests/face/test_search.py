"""Sparse search: the marks of a search in every frame, for a fraction of the searches."""

import numpy as np
import pytest

from unigs.face.search import Search


def searched(shown: np.ndarray, every: int) -> tuple[np.ndarray, list[int]]:
    """Marks that a search gives for frames that show something or not, and where it looked."""
    looked = []

    def shows(frame: np.ndarray, number: int) -> bool:
        assert frame[0] == number
        looked.append(number)
        return bool(shown[number])

    search = Search(shows, every)
    for number in range(len(shown)):
        search.add(np.array([number]))
    return np.array(search.marks, bool), looked


@pytest.mark.parametrize("every", [1, 2, 4, 7])
def test_what_lasts_is_marked_frame_by_frame(every):
    rng = np.random.default_rng(every)
    for _ in range(50):
        shown = np.zeros(120, bool)
        for first in rng.integers(0, 100, 4):
            shown[first : first + rng.integers(every, 20)] = True
        marks, looked = searched(shown, every)
        np.testing.assert_array_equal(marks, shown)
        assert len(looked) == len(set(looked)), "no frame is searched twice"


def test_a_clip_without_anything_is_searched_in_every_fourth_frame():
    marks, looked = searched(np.zeros(101, bool), 4)
    assert not marks.any() and looked == list(range(0, 101, 4))


def test_flicker_stays_as_short_as_it_is():
    shown = np.zeros(40, bool)
    shown[20] = True
    marks, looked = searched(shown, 4)
    assert np.flatnonzero(marks).tolist() == [20]
    assert looked == [0, 4, 8, 12, 16, 20, 19, 18, 17, 21, 22, 23, 24, 28, 32, 36]
