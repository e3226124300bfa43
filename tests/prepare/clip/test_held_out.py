"""Which frames are test frames: the last of the kept ones, or those that turn as no other does."""

from pathlib import Path

import numpy as np
import pytest

from unigs.prepare.clip.held_out import held_out, hold_out_ranges, unseen_block
from unigs.settings.screen import ScreenSettings
from unigs.stage.errors import UserError
from unigs.subject.frame_table import FrameTable

SETTINGS = ScreenSettings()
UNSEEN = ScreenSettings(test_block="unseen")


def resting(count):
    """Yaw, pitch and roll of a head that never moves."""
    return np.zeros((count, 3))


@pytest.mark.parametrize(("frames", "train"), [(200, 181), (600, 545), (761, 691)])
def test_the_last_eleventh_is_held_out(frames, train):
    test = held_out(np.ones(frames, bool), SETTINGS, resting(frames))
    np.testing.assert_array_equal(np.flatnonzero(test), np.arange(train, frames))


def test_the_split_counts_kept_frames_only():
    keep = np.ones(600, bool)
    keep[100:300] = keep[590:] = False
    test = held_out(keep, SETTINGS, resting(600))
    assert (keep & test).sum() == 390 - int(390 * 10 / 11)
    first = np.flatnonzero(test)[0]
    assert not test[:first].any() and test[first:590].all()


def test_several_held_out_blocks_are_spread():
    keep = np.ones(660, bool)
    test = held_out(keep, ScreenSettings(held_out_blocks=3), resting(660))
    starts = np.flatnonzero(np.diff(np.concatenate([[0], test.astype(int)])) == 1)
    np.testing.assert_array_equal(starts, [200, 420, 640])
    assert test.sum() == 60
    with pytest.raises(UserError):
        held_out(keep, ScreenSettings(held_out_blocks=0), resting(660))


def nods(count, seed=0):
    """Yaw, pitch and roll of a head that hardly moves."""
    return np.random.default_rng(seed).normal(0, [3, 2, 1], (count, 3))


def test_the_unseen_block_is_where_the_head_turns_as_nowhere_else():
    """Even where the largest single angle is elsewhere, in frames too few to fill a block."""
    angles = nods(660)
    angles[200:260, 1] -= 15
    angles[500:505, 0] += 30
    test = held_out(np.ones(660, bool), UNSEEN, angles)
    np.testing.assert_array_equal(np.flatnonzero(test), np.arange(200, 260))


def test_removed_frames_do_not_choose_the_block_and_may_lie_in_it():
    angles, keep = nods(700, 1), np.ones(700, bool)
    keep[100:140] = False
    angles[100:140] = np.nan
    angles[85:145, 2] += 12
    test = held_out(keep, UNSEEN, angles)
    assert (keep & test).sum() == 660 - int(660 * 10 / 11) == 60
    assert test[85:145].all() and len(np.unique(np.diff(np.flatnonzero(test)))) == 1


def test_what_a_head_does_twice_is_seen():
    """One of two equal turns is known from the other: a smaller one alone is the harder test."""
    angles = nods(660, 2)
    angles[100:160, 0] += 20
    angles[300:360, 0] += 20
    angles[450:510, 1] += 9
    assert unseen_block(angles, 1 / 11) == (450, 510)


def test_a_head_at_rest_is_tested_in_the_end():
    assert unseen_block(resting(110), 1 / 11) == (100, 110)


@pytest.mark.parametrize("count", [0, 1])
def test_where_nothing_is_left_there_is_no_choice(count):
    keep = np.arange(5) < count
    test = held_out(keep, UNSEEN, np.full((5, 3), np.nan))
    assert (test & keep).sum() == count


def test_a_frame_without_angles_counts_as_seen():
    angles = nods(660, 3)
    angles[200:260, 1] -= 15
    angles[[210, 400]] = np.nan
    assert unseen_block(angles, 1 / 11) == (200, 260)


def table_of(count, removed=()):
    """A frame table at 25 frames a second whose last eleventh is the test."""
    time, keep = np.arange(count) / 25, ~np.isin(np.arange(count), removed)
    split = np.where(held_out(keep, SETTINGS, resting(count)), "test", "train")
    return FrameTable(Path("frames.csv"), time, keep, np.full(count, ""), split)


def test_chosen_seconds_take_the_place_of_the_last_ones():
    """Elevenths that follow each other test every frame once."""
    table, times = table_of(165), np.zeros(165, int)
    for first in range(0, 165, 15):
        chosen = hold_out_ranges(table, [(first / 25, (first + 14) / 25)], Path("a.mp4"))
        test = chosen.split == "test"
        assert test[first : first + 15].all() and test.sum() == 15
        times += test
        np.testing.assert_array_equal(chosen.keep, table.keep)
    assert (times == 1).all()


@pytest.mark.parametrize(
    ("removed", "ranges", "sentence"),
    [
        ((), [(9, 12)], r"^a\.mp4: no frame that counts lies in the seconds 9-12 .*has 6\.6 s"),
        ((), [(5, 6), (9, 12)], r"no frame that counts lies in the seconds 9-12 "),
        (range(50, 76), [(2, 3)], r"no frame that counts lies in the seconds 2-3 "),
        ((), [(0, 2.5), (4, 5)], r"the seconds 0-2\.5,4-5 .* leave 76 training frames, and 100"),
    ],
)
def test_seconds_that_cannot_be_the_test_are_refused(removed, ranges, sentence):
    with pytest.raises(UserError, match=sentence):
        hold_out_ranges(table_of(165, removed), ranges, Path("a.mp4"))
