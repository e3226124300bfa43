"""One utterance: sound that a portrait says, from its first sample to its last."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np

from unigs.drive.pauses import closing
from unigs.live.ear import Ear, Heard
from unigs.live.sound import SOUND_RATE, edge, to_bytes
from unigs.stage.errors import UserError

LEAD_SECONDS = 4.0
"""Seconds that are heard in advance at most."""
PIECE = SOUND_RATE // 5
"""Samples that are heard at once at most, so that an interruption need not wait."""
LONGEST = 300
"""Seconds of an utterance that may wait to be said."""
LATE, FAR_TOO_LATE = 2, 8
"""Frames that a microphone's sound may lag behind before frames are left out: in a pause, and
anywhere."""


class Utterance:
    """Sound on its way to a portrait's lips. Pushed, heard and said by different threads.

    Args:
        ear: hears it.
        fps: frames per second.
        name: what it is called.
        hurried: whether frames are left out rather than said late: a microphone's.
        wake: set when there is something to hear; None: nobody waits for that.
    """

    def __init__(
        self,
        ear: Ear,
        fps: float,
        name: str,
        hurried: bool = False,
        wake: threading.Event | None = None,
    ) -> None:
        self.wake = wake or threading.Event()
        self.ear, self.fps, self.name, self.hurried = ear, fps, name, hurried
        self.lock = threading.Lock()
        self.pieces: deque[np.ndarray] = deque()
        self.unheard: deque[np.ndarray] = deque()
        self.arrived: deque[tuple[int, float]] = deque()
        self.length = self.first = 0
        self.ended = self.cleared = False
        self.frame = 0
        self.quiet: deque[bool] = deque()
        self.since = float("inf")
        self.rest = 1.0

    def push(self, samples: np.ndarray) -> None:
        """Append samples float [n] at SOUND_RATE, full scale 1.

        Raises:
            UserError: more waits than is kept.
            ValueError: it was ended.
        """
        if self.ended:
            raise ValueError("this utterance was ended")
        samples = np.asarray(samples, np.float32)
        with self.lock:
            if self.cleared or not len(samples):
                return
            if self.length - self.first + len(samples) > LONGEST * SOUND_RATE:
                raise UserError(
                    f"{self.name} is more than {LONGEST} seconds ahead of what is said: send it "
                    "no faster than that."
                )
            self.pieces.append(to_bytes(samples))
            for start in range(0, len(samples), PIECE):
                self.unheard.append(samples[start : start + PIECE])
            self.length += len(samples)
            self.arrived.append((self.length, time.monotonic()))
            if self.hurried:
                while len(self.arrived) > 1000:
                    self.arrived.popleft()
        self.wake.set()

    def end(self) -> None:
        """Say that nothing more comes."""
        with self.lock:
            self.ended = True
        self.wake.set()

    def clear(self) -> None:
        """Forget what was not said yet, at once."""
        with self.lock:
            self.ended = self.cleared = True
            self.pieces.clear()
            self.unheard.clear()
            self.arrived.clear()
            self.length = self.first

    def hear(self) -> bool:
        """Hear a piece, if one waits and there is need; whether that was so. For one thread."""
        with self.lock:
            if self.cleared or self.ear.finished:
                return False
            if self.ear.frames - self.frame > LEAD_SECONDS * self.fps:
                return False
            piece = self._unheard()
            last = piece is None and self.ended
        if piece is not None:
            self.ear.push(piece)
        elif last:
            self.ear.finish()
        return piece is not None or last

    def _unheard(self) -> np.ndarray | None:
        """What is heard next: a piece, or of a microphone all that has come."""
        if not self.unheard:
            return None
        piece = self.unheard.popleft()
        if self.hurried and self.unheard:
            piece = np.concatenate([piece, *self.unheard])
            self.unheard.clear()
        return piece

    @property
    def count(self) -> int:
        """Frames that it lasts, as far as its sound has come."""
        return int(np.ceil(self.length * self.fps / SOUND_RATE))

    @property
    def is_over(self) -> bool:
        """Whether all of it was said, or it was cleared."""
        return self.cleared or (self.ended and self.frame >= self.count)

    @property
    def seconds(self) -> float:
        """Seconds that wait to be said."""
        return max(0, self.length - edge(self.frame, self.fps)) / SOUND_RATE

    def ready(self, frame: int) -> bool:
        """Whether sound and features of a frame are there."""
        sounding = self.ended or self.length >= edge(frame + 1, self.fps)
        return not self.cleared and frame < self.count and sounding and self.ear.ready(frame)

    def say(self) -> tuple[np.ndarray, Heard, float, float]:
        """The next frame, which must be ready.

        Returns:
            Its sound int16, what is heard in it, the weight of silence in it, and how many seconds
            ago the sound in its middle arrived.
        """
        if self.hurried:
            self._catch_up()
        heard = self._listen()
        with self.lock:
            sound, lag = self._cut(), self._lag()
        self.frame += 1
        self.ear.forget(self.frame)
        return sound, heard, self.rest, lag

    def _catch_up(self) -> None:
        """Leave frames out that come too late, in a pause if there is one."""
        ahead = min(self.ear.frames, self.count) - self.frame
        if ahead > FAR_TOO_LATE or (ahead > LATE and self.rest > 0.5):
            self.frame += ahead - 1
            self.quiet.clear()

    def _listen(self) -> Heard:
        """What is heard in the next frame; the weight of silence follows the speech around it."""
        heard = self.ear.heard(self.frame)
        if not self.quiet:
            self.quiet.append(heard.quiet)
        look = int(np.ceil(4 * 0.1 * self.fps))
        while len(self.quiet) <= look and self.ready(self.frame + len(self.quiet)):
            self.quiet.append(self.ear.heard(self.frame + len(self.quiet)).quiet)
        self.since = 0.0 if not self.quiet[0] else self.since + 1
        after = next((k for k, quiet in enumerate(self.quiet) if not quiet), np.inf)
        wanted = float(closing(min(self.since, after), self.fps))
        # Where nobody knew that speech would begin, the mouth opens in two frames.
        self.rest = max(wanted, self.rest - 0.5)
        self.quiet.popleft()
        return heard

    def _cut(self) -> np.ndarray:
        """Sound of the next frame, int16; silence where it ends. What lies before is forgotten."""
        start, stop = edge(self.frame, self.fps), edge(self.frame + 1, self.fps)
        out = np.zeros(stop - start, np.int16)
        while self.pieces and self.first < stop:
            piece = self.pieces[0]
            used = piece[max(0, start - self.first) : stop - self.first]
            place = max(0, self.first - start)
            out[place : place + len(used)] = used
            if self.first + len(piece) > stop:
                break
            self.first += len(piece)
            self.pieces.popleft()
        return out

    def _lag(self) -> float:
        middle = (edge(self.frame, self.fps) + edge(self.frame + 1, self.fps)) // 2
        while len(self.arrived) > 1 and self.arrived[0][0] < middle:
            self.arrived.popleft()
        return time.monotonic() - self.arrived[0][1] if self.arrived else 0.0
