"""The engine: what is queued to be said becomes, moment by moment, sound and picture in step."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from unigs.drive.motion_loop import ping_pong
from unigs.live.ear import AT_ONCE, IN_ADVANCE, Ear, Voice
from unigs.live.sound import SOUND_RATE, Decimator, Loudness, edge
from unigs.live.utterance import LONGEST, Utterance
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.provenance.mark import VisibleMark
from unigs.settings.drive import DriveSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.errors import UserError
from unigs.subject.performance import Performance

MOST_QUEUED = 100
"""Utterances that may wait."""
BLOCK_FRAMES = 50
"""Frames whose motion is read at once."""
FADE = 4
"""Frames in which the lips leave what was broken off."""
VOICES = 16
"""Voices that are remembered."""


@dataclass(frozen=True)
class Moment:
    """A frame's time: sound and picture that belong together."""

    number: int
    """Number of the frame since the start; none is left out."""
    sound: np.ndarray
    """Samples int16 [n] at SOUND_RATE."""
    picture: np.ndarray | None
    """The frame with the visible mark, uint8 [H,W,3]; None: it was not drawn."""
    utterance: Utterance | None
    """What is said in it; None: nothing is."""
    speaks: bool
    """Whether somebody speaks in it."""
    lag: float
    """Seconds since its sound arrived; 0 for silence."""


class Replay:
    """Head motion, torso and blinks of the clip, forwards and backwards without an end.

    Args:
        motion: the piece that is replayed, from `unigs.drive.speak.read_motion`.
        fps: frames per second.
        settings: section `drive`.
    """

    def __init__(self, motion: Performance, fps: float, settings: DriveSettings) -> None:
        self.motion, self.turn = motion, settings.turn_seconds * fps
        self.block, self.first = motion.at(np.zeros(1)), -1

    def at(self, frame: int, speech: np.ndarray) -> Performance:
        """The performance of one frame with a window [W,D] of speech."""
        if not self.first <= frame < self.first + BLOCK_FRAMES or self.first < 0:
            self.first = frame // BLOCK_FRAMES * BLOCK_FRAMES
            frames = self.first + np.arange(BLOCK_FRAMES)
            self.block = self.motion.at(ping_pong(frames, len(self.motion), self.turn))
        one = self.block[frame - self.first : frame - self.first + 1]
        return replace(one, speech=speech[None])


class Engine:
    """Says what is queued, and moves idly when there is nothing to say.

    Args:
        playback: of the portrait.
        encoder: of the portrait's clip.
        motion: piece of the clip that is replayed, from `unigs.drive.speak.read_motion`.
        settings: section `drive`; the mark is shown whatever they say.

    Raises:
        UserError: the portrait's speech back-end hears whole recordings only.
    """

    def __init__(
        self,
        playback: Playback,
        encoder: SpeechEncoder,
        motion: Performance,
        settings: DriveSettings,
    ) -> None:
        self.playback, self.encoder, self.settings = playback, encoder, settings
        portrait = playback.portrait
        self.fps, self.size = portrait.fps, portrait.size
        self.replay = Replay(motion, self.fps, settings)
        self.mark = VisibleMark.of(self.size, self.size)
        self.voices: OrderedDict[str, Voice] = OrderedDict()
        self.lock = threading.Lock()
        self.wake = threading.Event()
        self.queue: deque[Utterance] = deque()
        self.number = 0
        self.silence = self.shown = self.left = encoder.silence
        self.talking, self.fade = False, 0
        self._ear(Loudness(), AT_ONCE, None)

    def warm_up(self) -> None:
        """Draw and hear once, so that the first moment costs no more than others."""
        ear = self._ear(Loudness(), AT_ONCE, None)
        ear.push(np.zeros(SOUND_RATE, np.float32))
        self._picture(self.number, self.silence)

    def say(self, samples: np.ndarray, name: str = "sound", voice: str | None = None) -> Utterance:
        """Queue a whole recording.

        Args:
            samples: float [n] at SOUND_RATE, full scale 1.
            name: what it is called.
            voice: name under which the voice is remembered; None: a new one.

        Raises:
            UserError: it has no sound, or too much waits already.
        """
        made = self.prepare(samples, name, voice)
        self.queue_up(made)
        return made

    def prepare(
        self, samples: np.ndarray, name: str = "sound", voice: str | None = None
    ) -> Utterance:
        """An utterance of a whole recording that is not queued yet. For any thread.

        A recording of minutes takes a second.

        Args:
            samples: float [n] at SOUND_RATE, full scale 1.
            name: what it is called.
            voice: name under which the voice is remembered; None: a new one.

        Raises:
            UserError: it has no sound, or too much.
        """
        if not len(samples) or not np.abs(samples).max() > 0:
            raise UserError(f"{name} has no sound: give one in which something is heard.")
        if len(samples) > LONGEST * SOUND_RATE:
            raise UserError(
                f"{name} lasts {len(samples) / SOUND_RATE:.0f} seconds, and {LONGEST} is the most: "
                "cut it into pieces."
            )
        loudness = Loudness(Decimator().push(samples))
        made = self._utterance(loudness, name, voice, False, False)
        made.push(samples)
        made.end()
        return made

    def queue_up(self, made: Utterance) -> None:
        """Queue an utterance of a whole recording, from `prepare`.

        Raises:
            UserError: too much waits already.
        """
        if made.seconds + self.seconds > LONGEST:
            raise UserError(
                f"{self.seconds:.0f} seconds wait to be said already: wait, or interrupt them."
            )
        self._queue(made)

    def open(self, name: str, voice: str | None = None, hurried: bool = False) -> Utterance:
        """Queue an utterance whose sound is still to come, by its `push` and `end`.

        Args:
            name: what it is called, and what its voice is remembered by.
            voice: name under which the voice is remembered; None: a new one.
            hurried: leave frames out rather than lag behind: for a microphone.

        Raises:
            UserError: too much waits already.
        """
        made = self._utterance(Loudness(), name, voice, True, hurried)
        self._queue(made)
        return made

    def interrupt(self) -> float:
        """Drop all that is being said or waits; seconds of sound that were dropped."""
        with self.lock:
            dropped = sum(u.seconds for u in self.queue)
            for utterance in self.queue:
                utterance.clear()
            self.queue.clear()
        return dropped

    @property
    def seconds(self) -> float:
        """Seconds of sound that wait to be said."""
        with self.lock:
            return sum(u.seconds for u in self.queue)

    def hear(self) -> bool:
        """Hear a piece of what is queued; whether there was any. For one thread."""
        with self.lock:
            waiting = list(self.queue)
        return any(utterance.hear() for utterance in waiting[:2])

    def step(self, draw: bool = True) -> Moment:
        """The next moment.

        Args:
            draw: whether its picture is needed.
        """
        utterance = self._current()
        number, self.number = self.number, self.number + 1
        if utterance is not None and utterance.ready(utterance.frame):
            sound, heard, rest, lag = utterance.say()
            window = np.float32(1 - rest) * heard.window + np.float32(rest) * self.silence
            self.talking, speaks = True, not heard.quiet
        else:
            length = edge(number + 1, self.fps) - edge(number, self.fps)
            sound, lag, speaks = np.zeros(length, np.int16), 0.0, False
            window, utterance = self._leaving(), None
        self.shown = window
        picture = self._picture(number, window) if draw else None
        return Moment(number, sound, picture, utterance, speaks, lag)

    def _picture(self, number: int, window: np.ndarray) -> np.ndarray:
        performance = self.replay.at(number, window)
        cue = cues(self.playback.portrait, performance)[0]
        return self.mark.on(self.playback.cue(cue))

    def _leaving(self) -> np.ndarray:
        """The window of silence; just after speech a mixture with its last one."""
        if self.talking:
            self.left, self.fade, self.talking = self.shown, FADE, False
        self.fade = max(0, self.fade - 1)
        share = np.float32(self.fade / FADE)
        return share * self.left + (1 - share) * self.silence

    def _current(self) -> Utterance | None:
        with self.lock:
            while self.queue and self.queue[0].is_over:
                self.queue.popleft()
            return self.queue[0] if self.queue else None

    def _utterance(
        self, loudness: Loudness, name: str, voice: str | None, comes: bool, hurried: bool
    ) -> Utterance:
        ear = self._ear(loudness, AT_ONCE if comes else IN_ADVANCE, self._voice(voice))
        return Utterance(ear, self.fps, name, hurried, self.wake)

    def _ear(self, loudness: Loudness, windows: object, voice: Voice | None) -> Ear:
        return Ear(self.encoder, self.fps, self.settings.pause_db, windows, loudness, voice)

    def _voice(self, name: str | None) -> Voice | None:
        """A voice by its name, or a new one; None where the features are not shifted."""
        backend, profile = self.encoder.backend, self.encoder.profile
        if profile is None or not (backend.spectral or backend.projection):
            return None
        if name is None:
            return Voice(profile.mean)
        with self.lock:
            voice = self.voices.setdefault(name, Voice(profile.mean))
            self.voices.move_to_end(name)
            while len(self.voices) > VOICES:
                self.voices.popitem(last=False)
        return voice

    def _queue(self, utterance: Utterance) -> None:
        with self.lock:
            while self.queue and self.queue[0].is_over:
                self.queue.popleft()
            if len(self.queue) >= MOST_QUEUED:
                raise UserError(
                    f"{MOST_QUEUED} utterances wait to be said already: wait, or interrupt them."
                )
            self.queue.append(utterance)
        self.wake.set()


Sink = Callable[[Moment], None]
"""What takes moments; called from the thread that makes them, and never waits."""
