"""The delay between sound and picture."""

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal

from unigs.prepare.speech.offset import offset_scores, prior_scores
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


def test_a_prior_finds_the_delay_to_half_a_frame():
    rng = np.random.default_rng(2)
    count, delay = 300, 2.5
    rows = scipy.ndimage.gaussian_filter1d(rng.normal(size=(2 * count + 80, 4)), 1.5, axis=0)
    weights = np.zeros((2 * HALF + 1, 4, 2), np.float32)
    weights[HALF] = rng.normal(size=(4, 2))
    prior = LipPrior(weights, weights[..., 0], 0.0, "")

    def heard(offset):
        center = 40 + np.round(2 * (np.arange(count) + offset)).astype(int)
        return rows[center[:, None] + np.arange(-HALF, HALF + 1)]

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
