"""Pauses of a recording."""

import numpy as np

from tests.support.sounds import RATE, speech
from unigs.drive.pauses import pauses
from unigs.settings.drive import DriveSettings


def test_pauses_fade_and_short_ones_are_no_pauses():
    samples = speech(6.0)
    samples[1 * RATE : int(1.2 * RATE)] = 0
    samples[3 * RATE : 4 * RATE] = 0
    rest = pauses(samples, 150, 25.0, DriveSettings())
    assert not rest[:74].any() and not rest[101:].any()
    assert rest[87] == 1 and np.abs(np.diff(rest)).max() < 0.5
    np.testing.assert_array_equal(pauses(np.zeros(RATE), 25, 25.0, DriveSettings()), np.ones(25))
