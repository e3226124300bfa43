"""Sound that comes piece by piece: its rate, its level, where its frames begin."""

from __future__ import annotations

from collections import deque

import numpy as np

from unigs.media.audio import RATE
from unigs.speech.loudness import ACTIVE_DB, PAUSE_DB

SOUND_RATE = 48000
"""Samples per second of all sound that is shown with the picture, as WebRTC carries it."""
FACTOR = SOUND_RATE // RATE
"""Samples of it to one that is heard."""
HALF_TAPS = 48
"""Samples before and after, at SOUND_RATE, from which one at RATE is made: 1 ms."""
BLOCK = RATE // 50
"""Samples at RATE whose level is measured at once: 20 ms."""
USUAL_DB = -26.0
"""Level of speech that is assumed before any was heard, dB of full scale."""
LEAST_DB = -55.0
"""Level in dB of full scale under which a block is never taken for speech."""
REMEMBERED = 500
"""Blocks of speech from which its level is taken: 10 s."""
ASSUMED = 50
"""Blocks of USUAL_DB that a recording begins with."""


def edge(frame: int, fps: float) -> int:
    """First sample of a frame at SOUND_RATE.

    Args:
        frame: number of the frame.
        fps: frames per second.
    """
    return round(frame * SOUND_RATE / fps)


def to_bytes(samples: np.ndarray) -> np.ndarray:
    """Samples int16 of samples float [n] in [-1, 1]; louder ones are cut."""
    return np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def levels_of(samples: np.ndarray) -> np.ndarray:
    """RMS of every 20 ms of samples [n] at RATE in dB of full scale, at least -120."""
    count = max(1, -(-len(samples) // BLOCK))
    padded = np.pad(samples.astype(np.float64), (0, count * BLOCK - len(samples)))
    power = np.square(padded.reshape(count, BLOCK)).mean(1)
    return 10 * np.log10(np.maximum(power, 1e-12))


class Decimator:
    """Sound at SOUND_RATE to sound at RATE, piece by piece, without a delay of its own.

    A sample is given when HALF_TAPS samples after it have come. How the sound is cut into pieces
    changes nothing.
    """

    def __init__(self) -> None:
        n = np.arange(-HALF_TAPS, HALF_TAPS + 1)
        # A windowed sinc; speech above 7.2 kHz of the 8 that RATE can carry fades out.
        cut = 0.9 / FACTOR
        taps = np.sinc(cut * n) * np.blackman(len(n) + 2)[1:-1]
        self.taps = (taps / taps.sum()).astype(np.float32)
        self.rest = np.zeros(HALF_TAPS, np.float32)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Samples float32 at RATE that are final with these samples float [n] at SOUND_RATE."""
        self.rest = np.concatenate([self.rest, samples.astype(np.float32)])
        count = (len(self.rest) - len(self.taps)) // FACTOR + 1
        if count <= 0:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self.rest, len(self.taps))
        made = windows[: count * FACTOR : FACTOR] @ self.taps
        self.rest = self.rest[count * FACTOR :]
        return made

    def finish(self) -> np.ndarray:
        """The samples that are still missing: silence follows."""
        return self.push(np.zeros(HALF_TAPS, np.float32))


class Loudness:
    """Level of the speech in a recording that is still being made.

    Blocks of 20 ms that stand out count as speech; noise between them never does.

    Args:
        known: the whole recording [n] at RATE where it is there already; None: it comes.
    """

    def __init__(self, known: np.ndarray | None = None) -> None:
        self.active: deque[float] = deque([USUAL_DB] * ASSUMED, maxlen=REMEMBERED)
        if known is not None:
            levels = levels_of(known)
            loud = levels[levels > max(np.percentile(levels, 95) - PAUSE_DB, LEAST_DB)]
            if len(loud):
                self.active = deque(loud[-REMEMBERED:].tolist(), maxlen=REMEMBERED)

    def hear(self, level: float) -> None:
        """Take a block of a level in dB of full scale into account."""
        if level > max(self._loud() - PAUSE_DB, LEAST_DB):
            self.active.append(level)

    @property
    def level(self) -> float:
        """RMS of the speech so far in dB of full scale."""
        return float(10 * np.log10(np.mean(10 ** (np.array(self.active) / 10))))

    def is_active(self, level: float) -> bool:
        """Whether a block of a level in dB of full scale is active speech."""
        return level > max(self._loud() - ACTIVE_DB, LEAST_DB)

    def _loud(self) -> float:
        return float(np.percentile(np.array(self.active), 95))


class Leveler:
    """Brings the speech of a recording to one level, block by block of 20 ms.

    Args:
        level_db: level that speech gets, dB of full scale.
        loudness: what measures it.
    """

    def __init__(self, level_db: float, loudness: Loudness) -> None:
        self.level_db, self.loudness = level_db, loudness
        self.rest = np.zeros(0, np.float32)

    def push(self, samples: np.ndarray) -> list[tuple[np.ndarray, float, bool]]:
        """Blocks that are complete.

        Args:
            samples: what has come [n] at RATE.

        Returns:
            Of each block its samples at the level, float32 [BLOCK]; how far it is from the
            speech's level in dB; whether it is active speech.
        """
        self.rest = np.concatenate([self.rest, samples.astype(np.float32)])
        blocks = []
        while len(self.rest) >= BLOCK:
            block, self.rest = self.rest[:BLOCK], self.rest[BLOCK:]
            blocks.append(self._leveled(block))
        return blocks

    def finish(self) -> list[tuple[np.ndarray, float, bool]]:
        """The last block, if it has begun, shorter than the others."""
        block, self.rest = self.rest, self.rest[:0]
        return [self._leveled(block)] if len(block) else []

    def _leveled(self, block: np.ndarray) -> tuple[np.ndarray, float, bool]:
        level = float(levels_of(block)[0])
        self.loudness.hear(level)
        above = level - self.loudness.level
        gain = np.float32(10 ** ((self.level_db - self.loudness.level) / 20))
        return block * gain, above, self.loudness.is_active(level)
