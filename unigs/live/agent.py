"""Between an engine and a framework of agents: PCM in, moments out, on the framework's own loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
from av import AudioFrame, AudioResampler

from unigs.live.engine import Engine, Moment
from unigs.live.show import Show
from unigs.live.sound import SOUND_RATE
from unigs.live.utterance import Utterance

MOST_WAITING = 50
"""Moments that wait for the framework at most; older ones are dropped."""
MOST_AHEAD = 60.0
"""Seconds of sound from which on an agent has to wait before it gives more."""


@dataclass
class Step:
    """A moment, and what ended with it."""

    moment: Moment
    """Sound and picture."""
    ended: int = 0
    """Number of utterances whose last sound was said in or before it."""


class AgentStream:
    """Plays an engine for one agent.

    Args:
        engine: of the portrait.
        voice: name under which the agent's voice is remembered.
    """

    def __init__(self, engine: Engine, voice: str = "agent") -> None:
        self.engine, self.voice = engine, voice
        self.show = Show(engine, self._failed)
        self.saying: deque[Utterance] = deque()
        self.open: Utterance | None = None
        self.steps: deque[Step] = deque()
        self.resampler: tuple[tuple[int, int], AudioResampler] | None = None
        self.failure: Exception | None = None
        self.closed, self.ready = False, asyncio.Event()

    async def start(self) -> None:
        """Begin; nothing is drawn before."""
        self.loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.engine.warm_up)
        self.show.add(self._show)
        self.show.start()

    async def close(self) -> None:
        """End at once."""
        self.closed = True
        self.ready.set()
        self.interrupt()
        await asyncio.to_thread(self.show.stop)

    async def push(self, pcm: bytes, rate: int, channels: int) -> None:
        """Say sound; wait if much of it is not said yet.

        Args:
            pcm: samples int16, channels one after the other.
            rate: samples per second.
            channels: number of channels, 1 or 2.
        """
        while self.engine.seconds > MOST_AHEAD and not self.closed:
            await asyncio.sleep(0.1)
        if self.open is None or self.open.ended:
            self.open = self.engine.open("the agent", self.voice)
            self.saying.append(self.open)
            self.resampler = None
        samples = self._resampled(pcm, rate, channels)
        # An interruption may have come in between.
        with contextlib.suppress(ValueError):
            self.open.push(samples)

    def end(self) -> None:
        """Say that what was pushed is whole."""
        if self.open is not None:
            self.open.end()
            self.open = None

    def interrupt(self) -> None:
        """Drop what is not said yet, and the moments that wait."""
        self.open = None
        self.saying.clear()
        self.engine.interrupt()
        self.steps.clear()

    async def __aiter__(self) -> AsyncIterator[Step]:
        """Moments as they come.

        Raises:
            Exception: what ended the show.
        """
        while True:
            while not self.steps and not self.closed and self.failure is None:
                self.ready.clear()
                await self.ready.wait()
            if self.failure is not None:
                raise self.failure
            if self.closed:
                return
            yield self.steps.popleft()

    @property
    def is_silent(self) -> bool:
        """Whether all that was pushed was said and taken."""
        return not self.saying and not any(step.ended for step in self.steps)

    def _resampled(self, pcm: bytes, rate: int, channels: int) -> np.ndarray:
        """Samples float [n] at SOUND_RATE, mono."""
        samples = np.frombuffer(pcm[: len(pcm) // (2 * channels) * 2 * channels], "<i2")
        if (rate, channels) == (SOUND_RATE, 1):
            return samples.astype(np.float32) / 32768
        if self.resampler is None or self.resampler[0] != (rate, channels):
            made = AudioResampler(format="s16", layout="mono", rate=SOUND_RATE)
            self.resampler = (rate, channels), made
        layout = "mono" if channels == 1 else "stereo"
        frame = AudioFrame.from_ndarray(samples[None], format="s16", layout=layout)
        frame.sample_rate = rate
        parts = [f.to_ndarray()[0] for f in self.resampler[1].resample(frame)]
        return np.concatenate([np.zeros(0), *parts]).astype(np.float32) / 32768

    def _show(self, moment: Moment) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed in between
            self.loop.call_soon_threadsafe(self._take, moment)

    def _take(self, moment: Moment) -> None:
        step = Step(moment)
        while self.saying and self.saying[0].is_over:
            self.saying.popleft()
            step.ended += 1
        while len(self.steps) >= MOST_WAITING:
            step.ended += self.steps.popleft().ended
        self.steps.append(step)
        self.ready.set()

    def _failed(self, error: Exception) -> None:
        self.failure = error
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.ready.set)
