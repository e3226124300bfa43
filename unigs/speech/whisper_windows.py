"""What Whisper hears in a recording of any length, and in one that is still being made.

A state depends on where in its window it lies: most of all near the left edge, where Whisper has
never heard what came before. So the first second of a window only gives context, also at the start
of a recording, which silence precedes. Everywhere else the same sound gives states that differ by a
quarter of their standard deviation when the window is shifted by a few rows, so a row of a whole
recording is a mean over three windows.
"""

from dataclasses import dataclass

import numpy as np
import torch

from unigs.speech.projection import Projection
from unigs.speech.whisper import WhisperEncoder
from unigs.speech.whisper_mel import HOP, N_FFT, columns_of, log_mel, scaled, slaney_filters

ROW = 2 * HOP
"""Samples from one row of states to the next: 20 ms. Row i is centered on sample i * ROW."""
WINDOW, BEFORE, AFTER = 400, 60, 10
"""Rows of a window of a whole recording (8 s), and rows at its start and at its end that only give
context."""
STEP = (WINDOW - BEFORE - AFTER) // 3
"""Rows from the start of one window to the next (2.2 s): every row is heard three times."""
LIVE_WINDOW, LIVE_STEP, LIVE_AHEAD = 150, 10, 7
"""Rows of a window of a live recording (3 s), rows that each gives (200 ms), and rows after the
last of them that the window hears."""
LOOK_AHEAD_MS = 160
"""Milliseconds of sound after a row's center without which it is not given: 7 rows, half a column
of the spectrogram, rounded up. The first row of a step waits for the last one, 180 ms more."""


@dataclass(frozen=True)
class Listener:
    """A network, and how its states are taken."""

    net: WhisperEncoder
    """The network."""
    layer: int
    """Layer whose states are taken; 1 is the first."""
    floor: float
    """Log10 of the power that counts as silence (`unigs.speech.whisper_mel.floor_of`)."""
    projection: Projection | None = None
    """What is kept of the states; None: all numbers."""

    @property
    def filters(self) -> torch.Tensor:
        """Mel filters of the network."""
        return slaney_filters(self.net.conv1.in_channels)

    @property
    def width(self) -> int:
        """Numbers of a row, D."""
        kept = self.projection
        return self.net.conv1.out_channels if kept is None else kept.width

    def silence(self, columns: int) -> torch.Tensor:
        """Columns of the spectrogram of silence."""
        return torch.full((self.net.conv1.in_channels, columns), scaled(self.floor))

    def rows(self, mel: torch.Tensor, kept: slice = slice(None)) -> np.ndarray:
        """Features float32 [(C + 1) // 2, D] of one window of the spectrogram [bands,C].

        Args:
            mel: the window.
            kept: the rows that are wanted.
        """
        states = self.net(mel[None], self.layer)[0, kept].numpy()
        return states if self.projection is None else self.projection(states)


def hear(listener: Listener, samples: np.ndarray) -> np.ndarray:
    """Features float32 [n // ROW + 1, D] of a whole recording [n] at RATE.

    Its windows overlap and are cross-faded; the spectrogram is made of the recording as a whole.
    """
    count = len(samples) // ROW + 1
    mel = log_mel(torch.from_numpy(samples), listener.filters, listener.floor)[:, : 2 * count]
    mel = torch.cat([listener.silence(2 * WINDOW), mel, listener.silence(2 * WINDOW)], 1)
    # From now on row i is row WINDOW + i.
    total = np.zeros((count + 2 * WINDOW, listener.width), np.float32)
    weights = np.zeros((len(total), 1), np.float32)
    ramp = (np.arange(WINDOW - BEFORE - AFTER, dtype=np.float32) + 0.5) / STEP
    weight = np.minimum(np.minimum(ramp, ramp[::-1]), 1)[:, None]
    for first in range(WINDOW + STEP - len(weight), WINDOW + count, STEP):
        start, kept = first - BEFORE, slice(first, first + len(weight))
        rows = listener.rows(mel[:, 2 * start : 2 * (start + WINDOW)])
        total[kept] += weight * rows[BEFORE : WINDOW - AFTER]
        weights[kept] += weight
    return total[WINDOW : WINDOW + count] / weights[WINDOW : WINDOW + count]


@dataclass(frozen=True)
class LiveWindows:
    """How a recording that is still being made is cut into windows."""

    window: int = LIVE_WINDOW
    """Rows of a window."""
    step: int = LIVE_STEP
    """Rows that each window gives."""
    ahead: int = LIVE_AHEAD
    """Rows after the last of them that the window hears."""
    most: int = 0
    """Rows that a window gives at most where the rows of several steps wait, so that who is late
    catches up; 0: always those of one step."""


class LiveListener:
    """Hears a recording while it is being made.

    Every `step` rows are those of one window, which ends `ahead` rows after the last of them. How
    the samples are cut into pieces changes nothing, unless windows may give the rows of several
    steps at once.

    Args:
        listener: what hears each window.
        windows: their sizes; by default as above.
    """

    def __init__(self, listener: Listener, windows: LiveWindows | None = None) -> None:
        self.listener, self.filters = listener, listener.filters
        self.windows = w = windows or LiveWindows()
        self.samples = np.zeros(N_FFT // 2, np.float32)
        # The columns of the next window and what has come of later ones.
        self.mel = listener.silence(2 * (w.window - w.step - w.ahead))
        self.heard = self.given = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Features float32 [m,D] of the rows that are final now, after those given before.

        Args:
            samples: what has come since the last call [n] at RATE, speech at the level that the
                listener's floor belongs to.
        """
        self.heard += len(samples)
        self._listen(samples)
        w, rows = self.windows, []
        columns = 2 * w.window - 1
        while self.mel.shape[1] >= columns:
            steps = (self.mel.shape[1] - columns) // (2 * w.step) + 1
            count = w.step * min(steps, max(1, w.most // w.step))
            first = 2 * (count - w.step)
            kept = slice(w.window - count - w.ahead, w.window - w.ahead)
            rows.append(self.listener.rows(self.mel[:, first : first + columns], kept))
            self.mel = self.mel[:, 2 * count :]
            self.given += count
        return np.concatenate(rows) if rows else np.zeros((0, self.listener.width), np.float32)

    def finish(self) -> np.ndarray:
        """The rows that are still missing: silence follows. There are n // ROW + 1 in all."""
        count, given = self.heard // ROW + 1, self.given
        after = ROW * (self.windows.step + self.windows.ahead + 2)
        rows = self.push(np.zeros(after, np.float32))
        return rows[: max(0, count - given)]

    def _listen(self, samples: np.ndarray) -> None:
        """Append the columns of the spectrogram that are complete with these samples."""
        self.samples = np.concatenate([self.samples, samples.astype(np.float32)])
        count = (len(self.samples) - N_FFT) // HOP + 1
        if count > 0:
            whole = torch.from_numpy(self.samples[: (count - 1) * HOP + N_FFT])
            mel = columns_of(whole, self.filters, self.listener.floor)
            self.mel = torch.cat([self.mel, mel], 1)
            self.samples = self.samples[count * HOP :]
