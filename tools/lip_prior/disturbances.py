"""Rooms, microphones and noises, for a detector of speech that is to hold in them."""

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from unigs.media.audio import RATE


def disturbed(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A recording [n] as another microphone in another room may hear it: filtered, with noise."""
    sound = samples.astype(np.float64)
    if rng.random() < 0.5:
        sound = _filtered(sound, rng)
    if rng.random() < 0.4:
        sound = _in_a_room(sound, rng)
    loud = sound[np.abs(sound) > 0.02 * np.abs(sound).max()]
    level = np.sqrt(np.mean(loud**2))
    decibel = rng.uniform(3, 25) if rng.random() < 0.7 else rng.uniform(35, 60)
    noise = NOISES[rng.integers(len(NOISES))](len(sound), rng)
    sound = sound + noise / noise.std() * level * 10 ** (-decibel / 20)
    return (sound / level).astype(np.float32)


def _filtered(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another frequency response: +-5 dB (standard deviation) at seven frequencies."""
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    knots = np.log([50, 150, 400, 1000, 2500, 5000, 8000])
    gain = np.interp(np.log(np.maximum(frequencies, 50)), knots, rng.normal(0, 5, len(knots)))
    return np.fft.irfft(np.fft.rfft(sound) * 10 ** (gain / 20), len(sound))


def _in_a_room(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reverberation of 0.1 to 0.5 s."""
    seconds = rng.uniform(0.1, 0.5)
    time = np.arange(int(seconds * RATE)) / RATE
    echo = rng.normal(size=len(time)) * 0.25 * np.exp(-6.9 * time / seconds)
    echo[0] = 1
    return fftconvolve(sound, echo)[: len(sound)]


def _colored(exponent: float):
    def noise(count: int, rng: np.random.Generator) -> np.ndarray:
        frequencies = np.fft.rfftfreq(count, 1 / RATE)
        spectrum = rng.normal(size=(2, len(frequencies))).T @ [1, 1j]
        return np.fft.irfft(spectrum / np.maximum(frequencies, 20) ** (exponent / 2), count)

    return noise


def _hum(count: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(count) / RATE
    mains = np.sin(2 * np.pi * 50 * time) + 0.3 * np.sin(2 * np.pi * 150 * time)
    return mains + 0.2 * rng.normal(size=count)


def _music(count: int, rng: np.random.Generator) -> np.ndarray:
    """Chords that are struck and fade."""
    sound, first = np.zeros(count), 0
    while first < count:
        last = min(count, first + int(rng.uniform(0.25, 1.2) * RATE))
        time = np.arange(last - first) / RATE
        root, fade = 110 * 2 ** (rng.integers(24) / 12), np.exp(-time * rng.uniform(1, 5))
        for interval in ((0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 7, 12))[rng.integers(4)]:
            for harmonic in range(1, 6):
                phase = 2 * np.pi * root * 2 ** (interval / 12) * harmonic * time
                sound[first:last] += fade * np.sin(phase + rng.uniform(0, 6)) / harmonic**1.5
        first = last
    return sound


def _breathing(count: int, rng: np.random.Generator) -> np.ndarray:
    sound, first = np.zeros(count), 0
    sound[:: RATE // 10] = 1e-3
    while True:
        first += int(rng.uniform(0.5, 3) * RATE)
        length = int(rng.uniform(0.3, 0.8) * RATE)
        if first + length > count:
            return sound
        band = butter(
            2, [rng.uniform(300, 900), rng.uniform(2500, 6000)], "bandpass", fs=RATE, output="sos"
        )
        air = sosfilt(band, rng.normal(size=length))
        sound[first : first + length] += air / air.std() * np.hanning(length)
        first += length


NOISES = (_colored(0), _colored(1), _colored(2), _hum, _music, _breathing)
"""Noises, each a function of a length and a generator."""
