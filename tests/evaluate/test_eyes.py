"""Figures of the eyes on landmarks that move in a known way."""

import numpy as np
import pytest

from tests.support.face_points import FRAMES
from unigs.evaluate.eyes import ACTION_UNITS, au_records, eye_opening, eye_records, units_of_render
from unigs.evaluate.records import find, to_json


def test_eye_opening_is_lid_distance_over_width(points):
    lids = 5 + 2 * np.cos(np.arange(FRAMES) / 3)
    np.testing.assert_allclose(eye_opening(points), (lids / 20 + lids / 40) / 2, rtol=1e-4)


def test_eyes_that_blink_along_correlate(points):
    rows = to_json(eye_records(points, points, "test"))
    assert find(rows, "eye_correlation", "eyes")["value"] == pytest.approx(1)
    assert find(rows, "eye_spread", "eyes")["value"] == pytest.approx(1)


def test_action_unit_errors_are_absolute_means_over_frames_with_faces():
    truth = np.zeros((4, 6), np.float32)
    render = np.tile(np.arange(6, dtype=np.float32), (4, 1)) * [[1], [-1], [1], [1]]
    render[3] = np.nan
    rows = to_json(au_records(truth, render, "test"))
    for k, name in enumerate(ACTION_UNITS):
        row = find(rows, f"au_error_{name}", "eyes")
        assert (row["value"], row["frames"]) == (k, 3)
    assert find(rows, "au_error", "eyes")["value"] == 2.5


def test_action_units_of_a_render_are_on_the_scale_of_the_clip(points):
    """A render that closes its eyes half as far is measured as such, not stretched to full."""
    blinking = np.repeat(points, 5, 0)
    for upper, lower in ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373)):
        blinking[:, lower] = blinking[:, upper] + np.float32([0, 10, 0])
        closed = np.arange(len(blinking)) % 40 < 4
        blinking[closed, lower, 1] -= 8.5
    test = np.arange(160, 200)
    render = blinking[test].copy()
    shut = np.arange(40) < 4
    for lower in (145, 153, 144, 374, 380, 373):
        render[shut, lower, 1] += 4
    truth, mine = units_of_render(blinking, test, render)
    assert truth[shut, 5].min() > 4 and truth[~shut, 5].max() < 1
    assert 1 < mine[shut, 5].mean() < 3.6 and mine[~shut, 5].max() < 1


def test_no_render_changes_the_action_units_of_the_truth(points):
    test = np.arange(len(points) - 40, len(points))
    true, mine = units_of_render(points, test, points[test])
    np.testing.assert_allclose(mine, true, atol=0.3)
    wild = points[test] + np.random.default_rng(0).normal(0, 5, points[test].shape)
    np.testing.assert_array_equal(units_of_render(points, test, wild)[0], true)


def test_action_units_of_a_still_render_are_still(points):
    """None of the clip's last frames is smoothed into the render's first ones."""
    moving = np.repeat(points, 5, 0)
    moving[-40:, 61, 1] -= np.linspace(0, 8, 40)  # a corner of the mouth
    test = np.arange(len(moving) - 40, len(moving))
    _, mine = units_of_render(moving, test, np.repeat(moving[:1], 40, 0))
    np.testing.assert_allclose(np.ptp(mine, axis=0), 0, atol=1e-6)


def test_runs_of_test_frames_are_smoothed_apart(points):
    """Two still faces, in two places of the clip: neither is drawn toward the other."""
    moving = np.repeat(points, 5, 0)
    test = np.r_[0:20, len(moving) - 20 : len(moving)]
    render = np.repeat(moving[:1], 40, 0)
    render[20:, 61, 1] -= 8  # a corner of the mouth
    for lower in (145, 153, 144, 374, 380, 373):
        render[20:, lower, 1] += 4
    _, mine = units_of_render(moving, test, render)
    for still in (mine[:20], mine[20:]):
        np.testing.assert_allclose(np.ptp(still, axis=0), 0, atol=1e-6)
    assert np.abs(mine[0] - mine[-1]).max() > 0.5
