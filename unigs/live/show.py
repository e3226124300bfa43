"""The show: two threads that let an engine hear and play in real time, for all who watch."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import torch

from unigs.live.engine import Engine, Moment, Sink

log = logging.getLogger("unigs")

GIVE_UP = 25
"""Frames of delay after which the clock is set anew instead of catching up: the machine slept."""
REMEMBERED = 250
"""Moments over which figures are taken."""


class Show:
    """Plays an engine in real time.

    A picture that would come late is left out, and its sound is not: sound never waits.

    Args:
        engine: what is played.
        failed: called from a thread that an error ends, with the error; the show stops.
    """

    def __init__(
        self, engine: Engine, failed: Callable[[Exception], None] = lambda error: None
    ) -> None:
        self.engine, self.failed = engine, failed
        self.sinks: list[Sink] = []
        self.stopped = threading.Event()
        self.threads: list[threading.Thread] = []
        self.lags: deque[float] = deque(maxlen=REMEMBERED)
        self.costs: deque[float] = deque(maxlen=REMEMBERED)
        self.drawn = self.left_out = 0
        self.last: Moment | None = None

    def start(self) -> None:
        """Start both threads."""
        for work in (self._hear, self._play):
            thread = threading.Thread(
                target=self._guarded, args=(work,), name=f"live{work.__name__}"
            )
            self.threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop both threads and wait for them."""
        self.stopped.set()
        self.engine.wake.set()
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join()

    def add(self, sink: Sink) -> None:
        """Let somebody watch from the next moment on."""
        self.sinks = [*self.sinks, sink]

    def remove(self, sink: Sink) -> None:
        """Let somebody go."""
        self.sinks = [other for other in self.sinks if other != sink]

    def state(self) -> dict:
        """What is going on, as JSON values."""
        moment, lags, costs = self.last, sorted(self.lags), sorted(self.costs)
        speaking = moment.utterance if moment is not None else None
        return {
            "speaking": bool(moment and moment.speaks),
            "saying": speaking.name if speaking is not None else "",
            "queued_seconds": round(self.engine.seconds, 2),
            "drawn": self.drawn,
            "left_out": self.left_out,
            "draw_ms": _median_ms(costs),
            "sound_to_picture_ms": _median_ms(lags),
        }

    def _guarded(self, work: Callable[[], None]) -> None:
        _one_thread()
        try:
            work()
        except Exception as error:
            log.exception("the show ends")
            self.stopped.set()
            self.engine.wake.set()
            self.failed(error)

    def _hear(self) -> None:
        while not self.stopped.is_set():
            self.engine.wake.clear()
            if not self.engine.hear():
                self.engine.wake.wait(0.1)

    def _play(self) -> None:
        period, start = 1 / self.engine.fps, time.monotonic()
        while True:
            late = time.monotonic() - (start + self.engine.number * period)
            if late < 0 and self.stopped.wait(-late):
                return
            if self.stopped.is_set():
                return
            if late > GIVE_UP * period:
                start += late
            self._moment(draw=bool(self.sinks) and late < period)

    def _moment(self, draw: bool) -> None:
        started = time.monotonic()
        moment = self.engine.step(draw)
        if draw:
            self.costs.append(time.monotonic() - started)
            self.drawn += 1
        elif self.sinks:
            self.left_out += 1
        if moment.speaks and moment.utterance is not None and moment.utterance.hurried:
            self.lags.append(moment.lag + time.monotonic() - started)
        self.last = moment
        for sink in self.sinks:
            sink(moment)


def _median_ms(seconds: list[float]) -> float | None:
    return round(1000 * seconds[len(seconds) // 2], 1) if seconds else None


def _one_thread() -> None:
    """Let torch use one thread in the calling one.

    For single frames and short windows a second one costs more than it gains, and idles on a core
    that others need.
    """
    torch.set_num_threads(1)
