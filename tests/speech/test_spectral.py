"""Log-mel energies and cepstra against the textbook."""

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal

from tests.support.sounds import voice
from unigs.media.audio import RATE
from unigs.speech.spectral import dct_matrix, log_mel, mel_filters


def reference_mfcc(samples, n_mfcc, n_mels, window, hop, n_fft):
    """The textbook's loop in float64: frame, window, DFT, triangles, log, scipy's DCT."""
    padded = np.pad(samples.astype(np.float64), n_fft // 2, mode="reflect")
    hann = np.zeros(n_fft)
    left = (n_fft - window) // 2
    hann[left : left + window] = scipy.signal.get_window("hann", window)
    starts = range(0, len(samples) + 1, hop)
    power = np.stack([np.abs(np.fft.rfft(padded[s : s + n_fft] * hann)) ** 2 for s in starts])
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), n_mels + 2)
    corner = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(n_fft // 2 + 1) * RATE / n_fft
    bank = [np.interp(bins, corner[i : i + 3], [0, 1, 0]) for i in range(n_mels)]
    decibel = 10 * np.log10(np.maximum(power @ np.array(bank).T, 1e-10))
    decibel = np.maximum(decibel, decibel.max() - 80)
    return scipy.fft.dct(decibel, norm="ortho")[:, :n_mfcc].T


def test_mfcc_is_the_textbooks():
    samples = voice(1.0)
    expected = reference_mfcc(samples, 40, 40, 400, 160, 512)
    got = dct_matrix(40, 40) @ log_mel(samples)
    assert got.shape == (40, 101)
    np.testing.assert_allclose(got, expected, atol=2e-2)
    exact = dct_matrix(40, 40) @ log_mel(samples.astype(np.float64))
    np.testing.assert_allclose(exact, expected, atol=1e-8)


def test_dct_is_orthonormal():
    d = dct_matrix(40, 40)
    np.testing.assert_allclose(d @ d.T, np.eye(40), atol=1e-5)


def test_mel_filters_share_every_frequency_between_neighbours():
    bank = mel_filters(RATE, 1024, 40)
    inside = bank.argmax(0)[0], bank.argmax(0)[-1]
    np.testing.assert_allclose(bank[inside[0] : inside[1]].sum(1), 1, atol=1e-4)


@pytest.mark.parametrize("hertz", [200, 1000, 4000])
def test_a_tone_is_loudest_in_its_own_band(hertz):
    time = np.arange(RATE) / RATE
    bands = log_mel(np.sin(2 * np.pi * hertz * time), 40)
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42)[1:-1]
    center = 700 * (10 ** (mel[int(bands.mean(1).argmax())] / 2595) - 1)
    assert abs(center - hertz) < 0.1 * hertz + 40
