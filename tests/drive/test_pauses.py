"""Pauses of a recording."""

import numpy as np

from tests.support.sounds import RATE, speech
from unigs.drive.pauses import pauses
from unigs.settings.drive import DriveSettings


def test_pauses_fade_and_short_ones_are_no_pauses():
    samples = speech(6.0)
    samples[1 * RATE : int(1.1 * RATE)] = 0
    samples[3 * RATE : 4 * RATE] = 0
    rest = pauses(samples, 150, 25.0, DriveSettings())
    assert not rest[:74].any() and not rest[101:].any()
    assert rest[87] == 1 and np.abs(np.diff(rest)).max() < 0.7
    np.testing.assert_array_equal(pauses(np.zeros(RATE), 25, 25.0, DriveSettings()), np.ones(25))


def test_what_speech_features_tell_stands_above_loudness():
    """Noise as loud as speech is a pause where the features hear nobody."""
    samples = speech(6.0)
    scores = np.where((np.arange(150) >= 75) & (np.arange(150) < 100), -1.0, 1.0)
    rest = pauses(samples, 150, 25.0, DriveSettings(), scores)
    assert rest[87] == 1 and not rest[:74].any() and not rest[101:].any()
    assert not pauses(samples, 150, 25.0, DriveSettings()).any()
    quiet = np.zeros(6 * RATE) + 1e-4 * samples
    quiet[: 2 * RATE] = samples[: 2 * RATE]
    assert pauses(quiet, 150, 25.0, DriveSettings()).any()
    assert not pauses(quiet, 150, 25.0, DriveSettings(), np.ones(150)).any()
