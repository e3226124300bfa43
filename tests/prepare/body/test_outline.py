"""The torso's outline: arms of known motion are followed, and nothing else is taken for arms."""

import numpy as np
import pytest

from unigs.prepare.body.track import look_at_labels
from unigs.subject.labels import HAIR, TORSO, write_labels

SIZE, FRAMES, FOCAL, DEPTH = 96, 30, 192.0, 0.9
PIXEL = DEPTH / FOCAL
"""Meters per pixel."""
LEFT, RIGHT = 20, 74


def curve(period: float) -> np.ndarray:
    """Whole pixels, zero at the median frame."""
    return np.round(5 * np.sin(np.arange(FRAMES) * 2 * np.pi / period)).astype(int)


def outline(path, keep, body, focal, smooth):
    return look_at_labels(path, keep, keep, SIZE)[1].outline(body, body[0][0], focal, smooth)


def write(path, left, right, shift, first_row=40):
    """A torso between two columns, below hair that is wider."""
    pictures = []
    for k in range(FRAMES):
        label = np.zeros((SIZE, SIZE), np.uint8)
        label[:first_row, 10:86] = HAIR
        start, stop = LEFT - left[k] + shift[k], RIGHT + right[k] + shift[k]
        label[first_row:, max(start, 0) : max(stop, 0)] = TORSO
        pictures.append(label)
    write_labels(path, pictures, SIZE, SIZE, 25)
    t = np.tile([0.0, 0.1, DEPTH], (FRAMES, 1))
    t[:, 0] = shift * PIXEL
    return np.tile(np.eye(3), (FRAMES, 1, 1)), t


def test_arms_are_measured_and_the_torsos_own_shift_is_not(tmp_path):
    left, right, shift = curve(10), curve(15), curve(6)
    body = write(tmp_path / "labels.mkv", left, right, shift)
    found = outline(tmp_path / "labels.mkv", np.ones(FRAMES, bool), body, FOCAL, 0.0)
    expected = np.stack([left - np.median(left), right - np.median(right)], 1) * PIXEL
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_arm_that_leaves_the_picture_tells_nothing(tmp_path):
    left, shift = np.full(FRAMES, 40), curve(6)
    body = write(tmp_path / "labels.mkv", left, curve(15), shift)
    found = outline(tmp_path / "labels.mkv", np.ones(FRAMES, bool), body, FOCAL, 0.0)
    assert not found[:, 0].any() and found[:, 1].std() > 2 * PIXEL


def test_removed_frames_are_interpolated(tmp_path):
    left = np.arange(FRAMES) // 3
    body = write(tmp_path / "labels.mkv", left, curve(15), np.zeros(FRAMES, int))
    keep = np.ones(FRAMES, bool)
    keep[13] = False  # between two frames of the same outline
    found = outline(tmp_path / "labels.mkv", keep, body, FOCAL, 0.0)
    assert found[13, 0] == pytest.approx(found[12, 0], abs=1e-6)


def test_arms_are_measured_from_where_they_usually_are_in_usual_frames(tmp_path):
    """Test frames with arms far out move nothing but their own figures."""
    usual, every = np.arange(FRAMES) < 18, np.ones(FRAMES, bool)
    found = []
    for out in (0, 10):
        left = curve(10) + out * ~usual
        body = write(tmp_path / "labels.mkv", left, curve(15), curve(6))
        outlined = look_at_labels(tmp_path / "labels.mkv", every, usual, SIZE)[1]
        found.append(outlined.outline(body, body[0][0], FOCAL, 0.0))
    np.testing.assert_allclose(found[1][usual], found[0][usual], atol=1e-6)
    np.testing.assert_allclose(found[1][~usual, 0], found[0][~usual, 0] + 10 * PIXEL, atol=1e-6)


def test_without_a_torso_nothing_stands_out(tmp_path):
    body = write(tmp_path / "labels.mkv", curve(10), curve(15), curve(6), first_row=SIZE)
    found = outline(tmp_path / "labels.mkv", np.ones(FRAMES, bool), body, FOCAL, 0.0)
    assert found.shape == (FRAMES, 2) and not found.any()
