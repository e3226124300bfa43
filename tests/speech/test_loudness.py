"""Levels of speech."""

import numpy as np
import pytest

from unigs.media.audio import RATE
from unigs.speech.loudness import normalize_level, speech_level


def test_level_is_that_of_speech_whatever_the_pauses():
    speech = np.random.default_rng(0).normal(size=RATE).astype(np.float32) * 0.05
    paused = np.concatenate([speech, np.zeros(5 * RATE, np.float32)])
    assert speech_level(paused) == pytest.approx(speech_level(speech), abs=0.2)
    assert speech_level(normalize_level(paused, -23.0)) == pytest.approx(-23, abs=0.1)
    assert speech_level(np.zeros(RATE)) is None
    assert not normalize_level(np.zeros(RATE, np.float32), -23.0).any()
