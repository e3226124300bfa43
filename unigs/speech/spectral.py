"""Log-mel energies and mel-frequency cepstral coefficients, in NumPy alone.

The formulas are those of torchaudio (HTK mel scale, no area normalization of the filters,
power spectrum in decibels with a floor, orthonormal DCT-II), so features can be compared with
other systems. Neither it nor torch is imported: loading them takes longer than a clip's features.
"""

from __future__ import annotations

import math

import numpy as np

from unigs.media.audio import RATE

COLUMNS_AT_ONCE = 2**14
"""Columns of a block, minutes of sound: spectra take a hundred times the memory of their sound."""


def mel_filters(rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Triangular filters [n_fft // 2 + 1, n_mels] on the HTK mel scale, from 0 to rate / 2."""
    frequencies = np.linspace(0, rate // 2, n_fft // 2 + 1)
    top = 2595.0 * math.log10(1.0 + (rate / 2) / 700.0)
    corners = 700.0 * (10.0 ** (np.linspace(0.0, top, n_mels + 2) / 2595.0) - 1.0)
    widths = np.diff(corners)
    distance = corners[None] - frequencies[:, None]
    rising = -distance[:, :-2] / widths[:-1]
    falling = distance[:, 2:] / widths[1:]
    return np.maximum(np.minimum(rising, falling), 0.0)


def log_mel(
    samples: np.ndarray,
    n_mels: int = 40,
    *,
    window: int = 400,
    hop: int = 160,
    n_fft: int = 512,
    top_db: float | None = 80.0,
    rate: int = RATE,
) -> np.ndarray:
    """Log energies of mel bands.

    Args:
        samples: float [n] in [-1, 1]; the result has its type.
        n_mels: number of bands.
        window: length of the Hann window in samples (400 = 25 ms).
        hop: samples from one column to the next (160 = 10 ms); column j is centered on j * hop.
        n_fft: length of the transform, at least `window`.
        top_db: values further than this below the loudest one are raised to it; None keeps all.
        rate: samples per second.

    Returns:
        [n_mels, n // hop + 1] in dB (10 log10 of power).
    """
    hann = np.zeros(n_fft, samples.dtype)
    left = (n_fft - window) // 2
    hann[left : left + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    filters = mel_filters(rate, n_fft, n_mels).astype(samples.dtype).T
    columns = (len(samples) + 2 * (n_fft // 2) - n_fft) // hop + 1
    decibel = np.empty((n_mels, columns), samples.dtype)
    for first in range(0, columns, COLUMNS_AT_ONCE):
        last = min(first + COLUMNS_AT_ONCE, columns)
        start = first * hop - n_fft // 2
        heard = _mirrored(samples, start, start + (last - first - 1) * hop + n_fft)
        frames = np.lib.stride_tricks.sliding_window_view(heard, n_fft)[::hop]
        spectrum = np.fft.rfft(frames * hann)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        decibel[:, first:last] = 10.0 * np.log10(np.maximum(filters @ power.T, 1e-10))
    return decibel if top_db is None else np.maximum(decibel, decibel.max() - top_db)


def _mirrored(samples: np.ndarray, start: int, stop: int) -> np.ndarray:
    """samples[start:stop], mirrored beyond the ends of the recording [n]."""
    # What is mirrored at the right end must be there, even if it lies to the left of `start`.
    more = min(max(start, 0), stop - start)
    inside = samples[max(start - more, 0) : stop]
    beyond = max(-start, 0), max(stop - len(samples), 0)
    return np.pad(inside, beyond, mode="reflect")[more:]


def dct_matrix(n_out: int, n_in: int) -> np.ndarray:
    """Orthonormal DCT-II, [n_out, n_in]."""
    n, k = np.arange(n_in), np.arange(n_out)[:, None]
    matrix = np.cos(math.pi / n_in * (n + 0.5) * k) * math.sqrt(2.0 / n_in)
    matrix[0] /= math.sqrt(2.0)
    return matrix
