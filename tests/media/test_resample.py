"""Frames at their times: which are taken, which are carried, and how near the truth they come."""

import numpy as np
import pytest
from scipy.ndimage import shift
from skimage import data

from unigs.media.resample import carried, clip_times, nearest_frames, resample

NTSC = 30000 / 1001
PIXELS_PER_SECOND = 60.0


@pytest.fixture(scope="module")
def picture():
    return data.astronaut()[40:168, 150:310].astype(float)


def at(picture, seconds):
    """The picture, moved sideways as a head turns: exactly, by cubic splines."""
    moved = shift(picture, (0, PIXELS_PER_SECOND * seconds, 0), order=3, mode="nearest")
    return np.clip(np.round(moved), 0, 255).astype(np.uint8)[:, 16:-16]


def source(picture, fps, count, start=0.0):
    times = start + np.arange(count + 1) / fps
    return [at(picture, time) for time in times[:-1]], times


def error(a, b):
    return np.sqrt(np.square(a.astype(float) - b).mean())


@pytest.mark.parametrize("fps", [NTSC, 24.0, 25.0, 50.0, 12.5])
def test_nearest_frames_are_nearest(fps):
    rng = np.random.default_rng(1)
    for times in (np.arange(90) / fps, np.cumsum(rng.uniform(0.5, 1.5, 90)) / fps):
        picks = nearest_frames(np.append(times, times[-1] + 1 / fps), 25.0)
        wanted = np.arange(len(picks)) / 25
        best = np.abs(times[None] - wanted[:, None]).min(1)
        np.testing.assert_allclose(np.abs(times[picks] - wanted), best, atol=1e-12)
        assert abs(len(picks) / 25 - (times[-1] + 1 / fps)) <= 1 / 25


def test_a_25_fps_source_is_taken_frame_by_frame():
    np.testing.assert_array_equal(nearest_frames(np.arange(201) / 25, 25.0), np.arange(200))


@pytest.mark.parametrize("fps", [NTSC, 30.0, 24.0])
def test_every_frame_is_at_its_time(picture, fps):
    """Within 10 ms by choice, or carried there: then nearer to the truth than the nearest frame."""
    frames, times = source(picture, fps, 8)
    nearest, wanted = nearest_frames(times, 25.0), clip_times(times, 25.0)
    offset = np.abs(times[nearest] - wanted)
    made = list(resample(frames, times, 25.0, 0.010))
    assert len(made) == len(wanted)
    assert [moved for _, moved in made] == (offset > 0.010).tolist()
    assert any(moved for _, moved in made)
    for k, (frame, moved) in enumerate(made):
        truth = at(picture, wanted[k])
        if moved:
            assert error(frame, truth) < 0.5 * error(frames[nearest[k]], truth)
        else:
            assert frame is frames[nearest[k]]


@pytest.mark.parametrize(("fps", "tolerance"), [(25.0, 0.0), (50.0, 0.0), (NTSC, 0.017)])
def test_frames_that_are_near_enough_are_not_touched(picture, fps, tolerance):
    frames, times = source(picture, fps, 12)
    made = list(resample(frames, times, 25.0, tolerance))
    for (frame, moved), number in zip(made, nearest_frames(times, 25.0), strict=True):
        assert not moved and frame is frames[number]


def test_nothing_is_carried_across_a_cut_or_a_gap(picture):
    frames, times = source(picture, NTSC, 6)
    flipped = [*frames[:3], *(np.ascontiguousarray(x[::-1]) for x in frames[3:])]
    for k, (_, moved) in enumerate(resample(flipped, times, 25.0, 0.010)):
        across = moved and times[2] < k / 25 < times[3]
        assert not across, f"frame {k} is made of both sides of the cut"
    frozen = times + np.where(np.arange(7) > 2, 0.1, 0.0)
    inside = [k for k, t in enumerate(clip_times(frozen, 25.0)) if frozen[2] < t < frozen[3]]
    made = list(resample(frames, frozen, 25.0, 0.010))
    assert inside and not any(made[k][1] for k in inside)


def test_a_frame_shown_twice_comes_out_twice(picture):
    """At 10 frames a second the neighbors are too far apart: each is repeated."""
    frames, times = source(picture, 10.0, 3)
    made = [frame for frame, _ in resample(frames, times, 25.0, 0.010)]
    numbers = nearest_frames(times, 25.0)
    assert len(made) == 7 and all(a is frames[n] for a, n in zip(made, numbers, strict=True))


def test_what_flow_cannot_explain_is_not_made(picture):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(2)]
    assert carried(*noise, 0.5) is None
    still = at(picture, 0)
    assert carried(still, still, 0.5) is None
