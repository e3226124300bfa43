"""Cepstra against python_speech_features where it is installed, and against a loop by hand."""

import math

import numpy as np
import pytest

from tests.support.sounds import voice
from unigs.media.audio import RATE
from unigs.speech.cepstra import CEPSTRA, FILTERS, HOP, WINDOW, cepstra, filter_bank


def by_hand(samples):
    """One row of the published formulas, sum by sum, without any array operation."""
    whole = [math.trunc(32768 * float(x)) for x in samples]
    sound = [whole[0], *(b - 0.97 * a for a, b in zip(whole, whole[1:], strict=False))][:WINDOW]
    power = []
    for k in range(257):
        turn = [2 * math.pi * k * n / 512 for n in range(WINDOW)]
        re = sum(s * math.cos(t) for s, t in zip(sound, turn, strict=True))
        im = sum(s * math.sin(t) for s, t in zip(sound, turn, strict=True))
        power.append((re * re + im * im) / 512)
    top = 2595 * math.log10(1 + 8000 / 700)
    hertz = [700 * (10 ** (top * m / (FILTERS + 1) / 2595) - 1) for m in range(FILTERS + 2)]
    corner = [math.floor(513 * f / RATE) for f in hertz]
    logs = []
    for low, middle, high in zip(corner, corner[1:], corner[2:], strict=False):
        band = sum(power[i] * (i - low) / (middle - low) for i in range(low, middle))
        band += sum(power[i] * (high - i) / (high - middle) for i in range(middle, high))
        logs.append(math.log(band))
    row = [math.log(sum(power))]
    for k in range(1, CEPSTRA):
        cosine = [math.cos(math.pi * k * (2 * m + 1) / (2 * FILTERS)) for m in range(FILTERS)]
        value = math.sqrt(2 / FILTERS) * sum(a * b for a, b in zip(logs, cosine, strict=True))
        row.append(value * (1 + 11 * math.sin(math.pi * k / 22)))
    return row


def test_a_row_is_the_published_sum():
    samples = voice(0.1)[:700]
    np.testing.assert_allclose(cepstra(samples)[0], by_hand(samples), rtol=1e-4, atol=1e-4)


def test_agrees_with_python_speech_features():
    package = pytest.importorskip("python_speech_features")
    samples = voice(1.23)
    whole = (samples * 32768).astype(np.int16)
    expected = package.mfcc(whole, RATE)
    np.testing.assert_allclose(cepstra(samples), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count, rows", [(1, 1), (400, 1), (401, 2), (560, 2), (RATE, 99)])
def test_rows_of_a_recording(count, rows):
    assert cepstra(np.zeros(count)).shape == (rows, CEPSTRA)


def test_silence_is_finite_and_a_later_start_is_a_later_row():
    assert np.isfinite(cepstra(np.zeros(2000))).all()
    samples = voice(0.5)
    late = cepstra(np.concatenate([np.zeros(5 * HOP, np.float32), samples]))
    # The first row of the early one has no sample before it to take the pre-emphasis from.
    np.testing.assert_allclose(late[6:], cepstra(samples)[1:], atol=1e-5)


def test_filters_are_triangles_that_meet():
    bank = filter_bank()
    assert bank.shape == (FILTERS, 257) and bank.max() == 1
    inside = slice(int(bank[0].argmax()), int(bank[-1].argmax()))
    np.testing.assert_allclose(bank[:, inside].sum(0), 1)
