"""Loudness of speech, and where a recording pauses."""

import numpy as np

from unigs.media.audio import RATE

LEVEL_BLOCK = RATE // 25
"""Samples per block of the loudness measurement: 40 ms, short enough to tell speech from pauses."""
BLOCKS_AT_ONCE = 2**10
"""Blocks that are measured at once: an hour of samples is not held at double precision."""
PAUSE_DB = 25.0
"""Decibels below the 95th percentile of the block levels under which a block is a pause."""
ACTIVE_DB = 15.0
"""Decibels below the 95th percentile of the block levels within which a block is active speech."""
SILENT_DB = -90.0
"""Level in dB of full scale below which a recording holds no sound at all."""


def normalize_level(samples: np.ndarray, level_db: float) -> np.ndarray:
    """Scale samples [n] so that their speech (not their pauses) has an RMS of `level_db`.

    A recording without sound is returned as it is.
    """
    level = speech_level(samples)
    if level is None:
        return samples.astype(np.float32)
    return (samples * 10 ** ((level_db - level) / 20)).astype(np.float32, copy=False)


def speech_level(samples: np.ndarray) -> float | None:
    """RMS of the active blocks in dB of full scale, or None if there is no sound."""
    blocks = block_levels(samples)
    loud = np.percentile(blocks, 95)
    if loud < SILENT_DB:
        return None
    active = blocks[blocks > loud - PAUSE_DB]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def block_levels(samples: np.ndarray) -> np.ndarray:
    """RMS of every 40 ms in dB of full scale (at least one value, at least -120)."""
    power = np.empty(max(-(-len(samples) // LEVEL_BLOCK), 1))
    for first in range(0, len(power), BLOCKS_AT_ONCE):
        last = min(first + BLOCKS_AT_ONCE, len(power))
        some = samples[first * LEVEL_BLOCK : last * LEVEL_BLOCK].astype(np.float64)
        whole = np.pad(some, (0, (last - first) * LEVEL_BLOCK - len(some)))
        power[first:last] = np.square(whole.reshape(-1, LEVEL_BLOCK)).mean(1)
    return 10 * np.log10(np.maximum(power, 1e-12))


def active_columns(samples: np.ndarray, count: int, step_ms: float) -> np.ndarray:
    """Which of `count` columns are active speech by the loudness around them, bool [count]."""
    blocks = block_levels(samples)
    if blocks.max() < SILENT_DB:
        return np.zeros(count, bool)
    index = (np.arange(count) * step_ms / 1000 * RATE / LEVEL_BLOCK).astype(int)
    loud = blocks > np.percentile(blocks, 95) - ACTIVE_DB
    return loud[np.minimum(index, len(blocks) - 1)]
