"""Figures of the mouth on landmarks that move in a known way."""

import numpy as np
import pytest

from tests.support.face_points import FRAMES
from unigs.evaluate.eyes import eye_records
from unigs.evaluate.mouth import (
    LIPS,
    correlation,
    landmark_distance,
    mouth_opening,
    mouth_records,
    voice_records,
)
from unigs.evaluate.records import find, to_json
from unigs.face.mesh import LIPS as ALL_LIPS
from unigs.face.mesh import LOWER_LIP_INNER


def test_lip_points_are_the_twenty_of_the_field_and_lie_on_the_lips():
    assert len(set(LIPS)) == 20 and set(LIPS) <= set(ALL_LIPS)


def test_landmark_distance_ignores_where_the_head_is(points):
    moved = points + np.float32([7, -3, 11])
    np.testing.assert_allclose(landmark_distance(points, moved), 0, atol=1e-4)


def test_landmark_distance_of_a_known_change(points):
    other = points.copy()
    other[:, LIPS[0], :2] += np.float32([3, 4])
    # One of n points moves by d: after centring it is off by d (n-1)/n, the others by d/n each.
    expected = (5 * 19 / 20 + 19 * 5 / 20) / 20
    np.testing.assert_allclose(landmark_distance(points, other), expected, rtol=1e-5)


def test_mouth_opening_is_the_distance_of_the_inner_lips(points):
    expected = 6 + 4 * np.sin(np.arange(FRAMES))
    np.testing.assert_allclose(mouth_opening(points), expected, rtol=1e-4)


def test_half_opening_mouth_has_full_correlation_and_half_the_spread(points):
    half = points.copy()
    lower = list(LOWER_LIP_INNER[1:-1])
    half[:, lower, 1] -= (2 * np.sin(np.arange(FRAMES)))[:, None]
    rows = to_json(mouth_records(points, half, 512, "test"))
    assert find(rows, "opening_correlation", "mouth")["value"] == pytest.approx(1, abs=1e-5)
    assert find(rows, "opening_spread", "mouth")["value"] == pytest.approx(0.5, abs=1e-4)
    lmd, scaled = find(rows, "lmd", "mouth")["value"], find(rows, "lmd_256", "mouth")["value"]
    assert scaled == pytest.approx(lmd / 2, rel=1e-4) and lmd > 0


def test_frozen_mouth_has_no_correlation_but_a_reason(points):
    frozen = np.repeat(points[:1], FRAMES, 0)
    row = find(to_json(mouth_records(points, frozen, 256, "test")), "opening_correlation", "mouth")
    assert row["value"] is None and "constant" in row["reason"]
    spread = find(to_json(mouth_records(points, frozen, 256, "test")), "opening_spread", "mouth")
    assert spread["value"] == 0


def test_frames_without_a_face_do_not_count(points):
    render = points.copy()
    render[:, LIPS[0], 0] += 2
    lost = render.copy()
    lost[3:10] = np.nan
    rows, all_rows = (to_json(mouth_records(points, r, 256, "test")) for r in (lost, render))
    row, full = (find(r, "lmd", "mouth") for r in (rows, all_rows))
    assert row["frames"] == FRAMES - 7 and row["value"] == pytest.approx(full["value"], rel=1e-4)


def test_no_face_at_all_is_empty_with_its_reason(points):
    gone = np.full_like(points, np.nan)
    for row in to_json([*mouth_records(points, gone, 256, "t"), *eye_records(points, gone, "t")]):
        assert row["value"] is None and "face" in row["reason"]


def test_voice_gain_is_zero_for_a_portrait_that_does_not_listen(points):
    render = np.roll(points, 3, 0)
    rows = to_json(voice_records(points, render, render, 256, "test"))
    assert find(rows, "lmd_256_gain", "mouth")["value"] == 0


def test_voice_gain_is_positive_for_one_that_does(points):
    shuffled = np.roll(points, FRAMES // 2, 0)
    rows = to_json(voice_records(points, points, shuffled, 128, "test"))
    expected = landmark_distance(points, shuffled).mean() * 2
    assert find(rows, "lmd_256_gain", "mouth")["value"] == pytest.approx(expected, rel=1e-4)
    assert find(rows, "lmd_256_shuffled", "mouth")["value"] == pytest.approx(expected, rel=1e-4)
    waves = np.sin(np.arange(FRAMES))
    row = find(rows, "opening_correlation_shuffled", "mouth")
    assert row["value"] == pytest.approx(np.corrcoef(waves, np.roll(waves, 20))[0, 1], abs=1e-4)


def test_correlation_agrees_with_scipy_and_skips_gaps():
    from scipy.stats import pearsonr

    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 30))
    b[4] = np.nan
    keep = np.isfinite(b)
    assert correlation(a, b) == pytest.approx(pearsonr(a[keep], b[keep]).statistic)
