"""The delay between sound and picture."""

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal

from unigs.face.mesh import MOUTH_CORNERS, MOUTH_OPENING
from unigs.prepare.speech.offset import find_offset, offset_scores, prior_scores
from unigs.speech.lip_prior import HALF, LipPrior


def test_delayed_sound_is_found():
    rng = np.random.default_rng(1)
    count, delay = 400, 4
    lips = scipy.ndimage.gaussian_filter1d(rng.normal(size=(count + 20, 2)), 0.7, axis=0)
    lips /= lips.std(0)
    mixing = rng.normal(size=(2, 6))
    heard = lips @ mixing + rng.normal(size=(count + 20, 6))
    # Row k of the features is the speech of time k; the lips of frame k are heard `delay` later.
    features = np.stack([heard[k : k + count] for k in range(3)], 1)
    seen = lips[1 + delay : 1 + delay + count]
    offsets = np.arange(-8, 9)
    scores = offset_scores(features, seen, np.ones(count, bool), offsets)
    assert offsets[scores.argmax()] == delay
    assert scores.max() > 0.4


def prior_and_speech(seed: int, count: int):
    """What is known of lips, and what it hears in `count` frames at an offset."""
    rng = np.random.default_rng(seed)
    rows = scipy.ndimage.gaussian_filter1d(rng.normal(size=(2 * count + 80, 4)), 1.5, axis=0)
    weights = np.zeros((2 * HALF + 1, 4, 2), np.float32)
    weights[HALF] = rng.normal(size=(4, 2))
    prior = LipPrior(weights, weights[..., 0], 0.0, "")

    def heard(offset):
        center = 40 + np.round(2 * (np.arange(count) + offset)).astype(int)
        return rows[center[:, None] + np.arange(-HALF, HALF + 1)]

    return prior, heard


def test_a_prior_finds_the_delay_to_half_a_frame():
    count, delay = 300, 2.5
    prior, heard = prior_and_speech(2, count)
    lips = prior.lips_of(heard(delay))
    lips = (lips - lips.mean(0)) / lips.std(0)
    offsets = np.arange(-5, 5.5, 0.5)
    scores = prior_scores(heard, prior, lips, np.ones(count, bool), offsets)
    assert offsets[scores.argmax()] == delay
    assert np.isclose(scores.max(), 1)


def test_a_prior_says_nothing_of_a_second():
    prior = LipPrior(np.ones((11, 4, 2), np.float32), np.ones((11, 4), np.float32), 0.0, "")
    scores = prior_scores(None, prior, np.ones((25, 2)), np.ones(25, bool), np.arange(3))
    assert not scores.any()


def speaking(lips: np.ndarray) -> np.ndarray:
    """Landmarks [T,478,3] of a still face whose mouth is as open and as wide as lips [T,2] say."""
    points = np.repeat(40 * np.random.default_rng(0).normal(size=(1, 478, 3)), len(lips), 0)
    for upper, lower in MOUTH_OPENING:
        points[:, lower] = points[:, upper]
        points[:, lower, 1] += 20 + 3 * lips[:, 0]
    corner, other = MOUTH_CORNERS
    points[:, other] = points[:, corner]
    points[:, other, 0] += 60 + 3 * lips[:, 1]
    return points


@pytest.mark.parametrize("delay, undone", [(5, 4), (-4, -5), (1, 0), (0, 0)])
def test_lips_that_lead_their_sound_by_a_frame_are_in_sync(delay, undone):
    """The sound of what the lips of frame k show is heard in frame k + delay."""
    rng = np.random.default_rng(4)
    count, margin = 300, 20
    lips = scipy.ndimage.gaussian_filter1d(rng.normal(size=(count + 2 * margin, 2)), 0.7, axis=0)
    lips /= lips.std(0)
    heard = lips @ rng.normal(size=(2, 6)) + 0.3 * rng.normal(size=(len(lips), 6))
    # The window of frame k is centered on the speech of time k.
    windows = np.stack([heard[margin + k : margin + k + count] for k in (-1, 0, 1)], 1)
    points = speaking(lips[margin + delay : margin + delay + count])
    found = find_offset(lambda offset: windows, None, points, np.ones(count, bool), 8)
    assert found == undone


@pytest.mark.parametrize("delay", [2.5, -1.5, 0])
def test_with_a_prior_the_delay_is_what_is_undone(delay):
    count = 200
    prior, heard = prior_and_speech(5, count)
    lips = prior.lips_of(heard(delay))
    points = speaking((lips - lips.mean(0)) / lips.std(0))
    assert find_offset(heard, prior, points, np.ones(count, bool), 5) == delay
