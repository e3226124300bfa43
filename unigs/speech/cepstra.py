"""Mel-frequency cepstra every 10 ms, as networks that judge lip sync and DeepSpeech hear speech.

The formulas are those of the package python_speech_features at its defaults, on which Light-ASD,
SyncNet (13 cepstra) and Mozilla's DeepSpeech (26) were trained: pre-emphasis, frames without a
window function, filters whose corners lie on bins of the transform, and the frame's log energy in
place of the first cepstrum. They differ from `unigs.speech.spectral` in all four.
"""

import numpy as np
import scipy.fft

from unigs.media.audio import RATE

CEPSTRA = 13
"""Numbers per row, unless more are asked for."""
HOP = 160
"""Samples from one row to the next: 10 ms."""
WINDOW = 400
"""Samples of a row: 25 ms."""
N_FFT, FILTERS, LIFTER, EMPHASIS = 512, 26, 22, 0.97
FULL_SCALE = 32768
"""The formulas expect 16-bit numbers: the energy is not free of scale."""


def filter_bank() -> np.ndarray:
    """Triangular filters [FILTERS, N_FFT // 2 + 1] on the mel scale, corners on whole bins."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595) - 1)
    corner = np.floor((N_FFT + 1) * hertz / RATE)
    low, middle, high = (c[:, None] for c in (corner[:-2], corner[1:-1], corner[2:]))
    bins = np.arange(N_FFT // 2 + 1)
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return np.where(bins < middle, rising, falling).clip(0)


def cepstra(samples: np.ndarray, count: int = CEPSTRA) -> np.ndarray:
    """Cepstra of a recording.

    Args:
        samples: float [n] in [-1, 1] at 16 kHz, n > 0.
        count: numbers per row, FILTERS at most.

    Returns:
        float32 [R,count], R = 1 + ceil((n - WINDOW) / HOP), at least 1: row r begins at r * 10 ms.
    """
    sound = np.clip(np.asarray(samples, np.float64) * FULL_SCALE, -FULL_SCALE, FULL_SCALE - 1)
    sound = np.trunc(sound)
    sound = np.append(sound[:1], sound[1:] - EMPHASIS * sound[:-1])
    rows = 1 + max(0, -(-(len(sound) - WINDOW) // HOP))
    sound = np.pad(sound, (0, max(0, (rows - 1) * HOP + WINDOW - len(sound))))
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP][:rows]
    power = np.abs(np.fft.rfft(frames, N_FFT)) ** 2 / N_FFT
    tiny = np.finfo(float).eps
    bands, energy = power @ filter_bank().T, power.sum(axis=1)
    found = scipy.fft.dct(np.log(np.where(bands == 0, tiny, bands)), norm="ortho")[:, :count]
    found *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(count) / LIFTER)
    found[:, 0] = np.log(np.where(energy == 0, tiny, energy))
    return found.astype(np.float32)
