"""Mouth, eyes and flicker against closed forms and properties."""

import math

import numpy as np
import pytest

from unigs.evaluate.eyes import ACTION_UNITS, au_records, eye_opening, eye_records, units_of_render
from unigs.evaluate.flicker import Flicker
from unigs.evaluate.mouth import (
    LIPS,
    correlation,
    landmark_distance,
    mouth_opening,
    mouth_records,
    voice_records,
)
from unigs.evaluate.records import Record, find, to_json
from unigs.face.mesh import LIPS as ALL_LIPS
from unigs.face.mesh import LOWER_LIP_INNER, UPPER_LIP_INNER

FRAMES = 40


@pytest.fixture
def points():
    """A face whose mouth and eyes open and close on their own clocks."""
    rng = np.random.default_rng(1)
    face = np.repeat(rng.uniform(100, 200, (1, 478, 3)), FRAMES, 0).astype(np.float32)
    clock = np.arange(FRAMES)
    upper, lower = list(UPPER_LIP_INNER[1:-1]), list(LOWER_LIP_INNER[1:-1])
    face[:, lower] = face[:, upper]
    face[:, lower, 1] += (6 + 4 * np.sin(clock))[:, None]
    for lid, under in ((159, 145), (386, 374)):
        face[:, under] = face[:, lid]
        face[:, under, 1] += 5 + 2 * np.cos(clock / 3)
    for outer, inner, x in ((33, 133, 20.0), (263, 362, 40.0)):
        face[:, inner] = face[:, outer] + np.float32([x, 0, 0])
    return face


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


def flicker_of(frames, mask, follows=None):
    flicker = Flicker()
    follows = follows or [False] + [True] * (len(frames) - 1)
    for frame, joined in zip(frames, follows, strict=True):
        flicker.add(frame, {"hair": mask, "band": np.zeros_like(mask)}, joined)
    return find(to_json(flicker.records()), "flicker", "hair")


def grey(*levels):
    return [np.full((6, 6, 3), level, np.uint8) for level in levels]


def test_steady_motion_does_not_flicker():
    assert flicker_of(grey(10, 30, 50, 70, 90), np.ones((6, 6), bool))["value"] == 0


def test_trembling_flickers_by_its_second_difference():
    row = flicker_of(grey(0, 200, 0, 200), np.ones((6, 6), bool))
    assert row["value"] == 400 and row["frames"] == 2


def test_flicker_outside_the_region_does_not_count():
    frames = grey(10, 10, 10)
    frames[1] = frames[1].copy()
    frames[1][:, 3:] = 90
    mask = np.zeros((6, 6), bool)
    mask[:, :3] = True
    assert flicker_of(frames, mask)["value"] == 0
    assert flicker_of(frames, ~mask)["value"] == 160


def test_flicker_is_not_taken_across_a_cut():
    frames = grey(0, 0, 200, 200)
    row = flicker_of(frames, np.ones((6, 6), bool), [False, True, False, True])
    assert row["value"] is None and "three consecutive" in row["reason"]


def test_a_record_without_value_must_say_why():
    with pytest.raises(ValueError, match="either a value or a reason"):
        Record("psnr", None)
    with pytest.raises(ValueError, match="not a figure"):
        Record("psnr", math.inf)
