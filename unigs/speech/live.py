"""Hearing a recording while it is being made: features of each back-end that can."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from unigs.speech.backends import Backend, Spectral, Whisper
from unigs.speech.whisper_windows import LiveWindows
from unigs.stage.errors import UserError

STATE_MS = 20.0
"""Milliseconds from one state of Whisper to the next."""


class Live(Protocol):
    """What hears a recording piece by piece."""

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Features float32 [m,D] of the rows that are final now, after those given before.

        Args:
            samples: what has come since the last call [n] at RATE, at the back-end's level.
        """

    def finish(self) -> np.ndarray:
        """The rows that are still missing: silence follows."""


class LiveSpectral:
    """Log-mel energies or cepstra, column by column: the same numbers as of the whole recording.

    Args:
        backend: computes the columns.
    """

    def __init__(self, backend: Spectral) -> None:
        self.backend, self.half = backend, backend.n_fft // 2
        self.context = -(-backend.n_fft // backend.hop) * backend.hop
        # Silence comes before, as in a whole recording.
        self.samples = np.zeros(self.context, np.float32)
        self.heard = self.given = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Features of the columns whose whole window has come; see `Live.push`."""
        self.heard += len(samples)
        return self._listen(samples)

    def finish(self) -> np.ndarray:
        """The columns that are still missing. There are n // hop + 1 in all."""
        count = self.heard // self.backend.hop + 1 - self.given
        rows = self._listen(np.zeros(self.context + self.half, np.float32))
        return rows[: max(0, count)]

    def _listen(self, samples: np.ndarray) -> np.ndarray:
        hop = self.backend.hop
        self.samples = np.concatenate([self.samples, samples.astype(np.float32)])
        # Column j of what is kept is centered on sample context + j hop.
        count = (len(self.samples) - self.context - self.half) // hop + 1
        if count <= 0:
            return np.zeros((0, self._width), np.float32)
        stop = self.context + (count - 1) * hop + self.half
        rows = self.backend.piece(self.samples[:stop], self.context)[:count]
        self.samples = self.samples[count * hop :]
        self.given += count
        return rows.astype(np.float32)

    @property
    def _width(self) -> int:
        s = self.backend.settings
        return s.coefficients if s.backend == "mfcc" else s.bands


def listen_live(backend: Backend, windows: LiveWindows) -> Live:
    """What hears a recording piece by piece as a back-end hears it whole.

    Args:
        backend: of a portrait's speech encoder.
        windows: how Whisper's windows are cut; spectral back-ends need none.

    Raises:
        UserError: the back-end hears whole recordings only.
    """
    if isinstance(backend, Spectral):
        return LiveSpectral(backend)
    if isinstance(backend, Whisper) and backend.settings.step_ms == STATE_MS:
        return backend.live(windows)
    settings = backend.settings
    raise UserError(
        f"a portrait that hears with {settings.backend} every {settings.step_ms:g} ms cannot hear "
        "live: make one with the speech back-end logmel, or with whisper every 20 ms."
    )
