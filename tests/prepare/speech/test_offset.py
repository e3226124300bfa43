"""The delay between sound and picture."""

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal

from unigs.prepare.speech.offset import offset_scores


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
