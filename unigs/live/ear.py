"""What a portrait hears in sound that comes piece by piece: a window of features for each frame."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from unigs.live.sound import BLOCK, Decimator, Leveler, Loudness
from unigs.media.audio import RATE
from unigs.speech.encoder import SpeechEncoder
from unigs.speech.lip_prior import HALF, central
from unigs.speech.live import listen_live
from unigs.speech.whisper_windows import LiveWindows

AT_ONCE = LiveWindows(window=100, step=2, ahead=5, most=10)
"""How sound is heard that is shown as soon as it can be: 2 s for every frame of 40 ms, with 100 ms
of look-ahead; for up to five frames at once where the machine does not keep up."""
IN_ADVANCE = LiveWindows(window=400, step=100, ahead=40)
"""How sound is heard that is there in advance: nearly as `drive` hears it, at the least cost."""
PATIENCE = HALF + 1
"""Columns after the middle of a frame's window that are waited for: those that tell of the lips.
The last ones there are stand in for later ones."""
TRUSTED = 50
"""Columns of a new voice that weigh as much as the clip's own: 1 s."""


class Voice:
    """What is known of a voice: how its features differ from those of the clip's speech.

    Args:
        mean: mean [D] of the features of the clip's active speech.
    """

    def __init__(self, mean: np.ndarray) -> None:
        self.sum = TRUSTED * mean.astype(np.float64), TRUSTED

    def hear(self, columns: np.ndarray) -> None:
        """Take columns [m,D] of active speech into account."""
        total, count = self.sum
        self.sum = total + columns.sum(0), count + len(columns)

    @property
    def mean(self) -> np.ndarray:
        """Mean [D] of its features."""
        total, count = self.sum
        return total / count


@dataclass(frozen=True)
class Heard:
    """What is heard in one frame."""

    window: np.ndarray
    """Speech features, float32 [W,D], normalized."""
    quiet: bool
    """Whether nobody speaks."""


class Ear:
    """Hears one utterance. Sound goes in from one thread, frames are asked for by another.

    Args:
        encoder: of the portrait's clip.
        fps: frames per second.
        pause_db: decibels below the speech's level under which sound is a pause, where the features
            do not tell.
        windows: how Whisper's windows are cut.
        loudness: measures the level of the speech.
        voice: knows the voice, perhaps from earlier; None: the features are not shifted.
    """

    def __init__(
        self,
        encoder: SpeechEncoder,
        fps: float,
        pause_db: float,
        windows: LiveWindows,
        loudness: Loudness,
        voice: Voice | None = None,
    ) -> None:
        self.encoder, self.fps, self.pause_db, self.voice = encoder, fps, pause_db, voice
        self.live = listen_live(encoder.backend, windows)
        self.decimator = Decimator()
        self.leveler = Leveler(encoder.settings.level_db, loudness)
        self.lock = threading.Lock()
        self.columns = np.zeros((0, len(encoder.quiet)), np.float32)
        self.above: list[float] = []
        self.active: list[bool] = []
        self.first = self.first_block = 0
        self.finished = False

    def push(self, samples: np.ndarray) -> None:
        """Hear samples float [n] at SOUND_RATE, which follow those before."""
        self._hear(self.leveler.push(self.decimator.push(samples)))

    def finish(self) -> None:
        """Hear the end: silence follows."""
        self._hear(self.leveler.push(self.decimator.finish()) + self.leveler.finish())
        self._keep(self.live.finish(), [], [])
        with self.lock:
            self.finished = True

    def _hear(self, blocks: list[tuple[np.ndarray, float, bool]]) -> None:
        if blocks:
            samples, above, active = zip(*blocks, strict=True)
            self._keep(self.live.push(np.concatenate(samples)), list(above), list(active))

    def _keep(self, rows: np.ndarray, above: list[float], active: list[bool]) -> None:
        """Keep new columns and the levels of new blocks; columns of speech tell of the voice."""
        with self.lock:
            self.above += above
            self.active += active
            spoken = [self._block(self.rows + k, self.active) for k in range(len(rows))]
            self.columns = np.concatenate([self.columns, rows])
        if self.voice is not None and any(spoken):
            self.voice.hear(rows[np.array(spoken)])

    def _block(self, row: int, values: list) -> object:
        """The value of the block in which a column lies; False or silence if there is none."""
        place = int(row * self.encoder.settings.step_ms / 1000 * RATE / BLOCK) - self.first_block
        return values[min(place, len(values) - 1)] if values and place >= 0 else False

    @property
    def rows(self) -> int:
        """Columns that were heard in all."""
        return self.first + len(self.columns)

    def ready(self, frame: int) -> bool:
        """Whether what a frame needs was heard."""
        with self.lock:
            return self.finished or self.rows > self._middle(frame) + PATIENCE

    @property
    def frames(self) -> int:
        """Frames that are ready, if more sound follows."""
        with self.lock:
            step = self.encoder.settings.step_ms
            return max(0, int((self.rows - PATIENCE - 1) * step / 1000 * self.fps))

    def heard(self, frame: int) -> Heard:
        """What is heard in a frame that is ready."""
        e, middle = self.encoder, self._middle(frame)
        with self.lock:
            columns, first = self.columns, self.first
            if not self.finished and len(columns):
                columns = np.concatenate([columns, np.tile(columns[-1], (e.width, 1))])
            above = self._block(middle, self.above) or 0.0
        raw = self._window(self._matched(columns), middle - first)
        return Heard(e.normalize(raw), self._quiet(raw, above))

    def _quiet(self, raw: np.ndarray, above: float) -> bool:
        """Whether nobody speaks in the middle of a window of features as the clip's [W,D]."""
        e = self.encoder
        if e.prior is None or e.profile is None or e.width < 2 * HALF + 1:
            return above < -self.pause_db
        centered = (raw - e.profile.mean).astype(np.float32)
        flat = central(centered[None])
        return float(flat[0] @ e.prior.speech.reshape(-1) + e.prior.bias) < 0

    def _matched(self, columns: np.ndarray) -> np.ndarray:
        """Columns moved into the clip's profile, as `SpeechEncoder.match` does it."""
        profile = self.encoder.profile
        if profile is None or not len(columns):
            return columns
        if self.voice is not None:
            columns = columns + (profile.mean - self.voice.mean)
        return columns.clip(profile.low, profile.high)

    def _window(self, columns: np.ndarray, middle: int) -> np.ndarray:
        """The window [W,D] around a column; beyond the ends there is silence."""
        e = self.encoder
        index = middle + np.arange(-(e.width // 2), e.width // 2 + 1)
        inside = (index >= 0) & (index < len(columns))
        if not len(columns):
            return np.tile(e.quiet, (e.width, 1)).astype(np.float32)
        picked = columns[index.clip(0, len(columns) - 1)]
        return np.where(inside[:, None], picked, e.quiet).astype(np.float32)

    def _middle(self, frame: int) -> int:
        """The column in the middle of a frame's window, as `SpeechEncoder.windows` places it."""
        center = (frame + 0.5) / self.fps * 1000 / self.encoder.settings.step_ms
        return int(np.floor(center + 0.5))

    def forget(self, frame: int) -> None:
        """Forget what no frame from this one on needs."""
        e = self.encoder
        with self.lock:
            gone = self._middle(frame) - e.width - self.first
            if gone > 0:
                self.columns, self.first = self.columns[gone:], self.first + gone
            step = e.settings.step_ms / 1000 * RATE / BLOCK
            blocks = int(self.first * step) - self.first_block
            if blocks > 0:
                del self.above[:blocks], self.active[:blocks]
                self.first_block += blocks
