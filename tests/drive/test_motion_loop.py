"""The motion of the clip, replayed without a jump."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unigs.drive.motion_loop import longest_segment, ping_pong, trim_blinks


@given(length=st.integers(2, 300), turn=st.floats(1, 60))
@settings(max_examples=40)
def test_ping_pong_has_no_jump_in_position_or_velocity(length, turn):
    fine = 50
    positions = ping_pong(np.arange(0, 1000, 1 / fine), length, turn)
    assert positions.min() >= -1e-9 and positions.max() <= length - 1 + 1e-9
    assert positions.min() < 0.5 and positions.max() > length - 1.5
    velocity = np.diff(positions) * fine
    assert np.abs(velocity).max() <= 1 + 1e-6
    # |acceleration| of a turn is at most pi / turn, and a short piece turns faster.
    shortest = min(turn, (length - 1) * np.pi / 2)
    assert np.abs(np.diff(velocity)).max() <= np.pi / shortest / fine + 1e-6


def test_ping_pong_plays_the_clip_at_its_own_speed_first():
    positions = ping_pong(np.arange(80), 100, 20)
    np.testing.assert_allclose(np.diff(positions), 1)


def test_ping_pong_of_one_frame_stays():
    assert not ping_pong(np.arange(10), 1, 20).any()


def test_longest_segment_crosses_neither_gaps_nor_cuts():
    usable = np.ones(100, bool)
    usable[[20, 60]] = False
    cut = np.zeros(100, bool)
    cut[75] = True
    assert longest_segment(usable, cut) == slice(21, 60)
    cut[40] = True
    assert longest_segment(usable, cut) == slice(75, 100)
    assert longest_segment(np.zeros(5, bool), np.zeros(5, bool)) == slice(0, 0)
    # A cut at a frame that is itself not usable.
    usable[:], usable[10], cut[:] = True, False, np.arange(100) == 10
    assert longest_segment(usable, cut) == slice(11, 100)


def test_turns_do_not_fall_into_a_blink():
    blink = np.zeros(100)
    blink[2:5] = blink[95:98] = 4.0
    assert trim_blinks(slice(0, 100), blink, 6) == slice(5, 95)
    # A face that never opens its eyes keeps its motion.
    assert trim_blinks(slice(0, 100), np.full(100, 4.0), 6) == slice(0, 100)
