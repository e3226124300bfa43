"""Alignment: known offsets and windows are found again."""

import cv2
import numpy as np
import pytest
from skimage import data

from tests.support.film import SIDE, film, rendered
from unigs.evaluate.align import Window, common_box, place, resampled, snapped


def gray(frames):
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])


@pytest.mark.parametrize(
    "first, window, size",
    [
        (0, Window(0, 0, 1.0), SIDE),
        (37, Window(0, 0, SIDE / 256), 256),
        (23, Window(21, 13, 1.0), 150),
        (11, Window(17.5, 9.25, 0.61), 256),
    ],
)
def test_a_known_offset_and_window_are_found(first, window, size):
    frames = film()
    render = rendered(frames, first, first + 50, window, size)
    found = place(gray(render), gray(frames), 30)
    assert found.offset == first
    assert found.window.apart(window, size, size) < 0.35
    assert found.correlation > 0.8 > found.runner_up + 0.2


def test_a_render_of_the_whole_clip_may_begin_before_it():
    frames = film()
    render = [*frames[5:9], *frames]
    assert place(gray(render), gray(frames), 60).offset == -4


def test_a_film_of_something_else_is_not_found():
    other = np.stack([cv2.resize(data.coffee()[:, k : k + 400, 0], (160, 160)) for k in range(60)])
    assert place(other, gray(film()), 30) is None


def test_windows_snap_to_whole_pixels_only_when_they_are_near():
    clip = (SIDE, SIDE)
    assert snapped(Window(0.1, -0.1, 0.7505), (256, 256), clip) == Window(0, 0, 0.75)
    assert snapped(Window(20.9, 13.1, 1.0004), (150, 150), clip) == Window(21, 13, 1)
    far = Window(17.5, 9.25, 0.61)
    assert snapped(far, (256, 256), clip) == far
    assert common_box(far, (256, 256), clip) == (18, 10, 154, 154)
    assert common_box(Window(-5, 3, 1), (400, 100), clip) == (0, 3, SIDE, 100)


def test_resampling_brings_the_render_back_to_the_clips_pixels():
    frame, window = film()[0], Window(17.5, 9.25, 0.61)
    smooth = cv2.GaussianBlur(frame, (0, 0), 2)
    grid = np.array([[0.61, 0, 17.5 + 0.305 - 0.5], [0, 0.61, 9.25 + 0.305 - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    x, y, w, h = box = common_box(window, (250, 250), (SIDE, SIDE))
    back = resampled(cv2.warpAffine(smooth, grid, (250, 250), flags=flags), window, box)
    inner = np.s_[4:-4, 4:-4]
    error = np.abs(back.astype(int) - smooth[y : y + h, x : x + w])[inner]
    assert error.mean() < 0.8 and error.max() < 8


def test_whole_windows_are_copied_to_the_bit():
    frame = film()[3]
    cut = np.ascontiguousarray(frame[13:163, 21:171])
    box = common_box(Window(21, 13, 1), (150, 150), (SIDE, SIDE))
    assert box == (21, 13, 150, 150)
    np.testing.assert_array_equal(resampled(cut, Window(21, 13, 1), box), cut)
