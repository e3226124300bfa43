"""SIGTERM and Ctrl-C: they stop a stage at once, or where it can save what it has done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Signals that ask a process to stop. One that the process was started to ignore stays ignored."""

_held: list[int] = []
"""The signal that came while signals were held back."""


class Interrupted(KeyboardInterrupt):
    """The process was asked to stop.

    Args:
        number: number of the signal.
        advice: how to go on, for people.
        held: whether it comes from `poll`, so that nothing is half done.
    """

    def __init__(
        self, number: int, advice: str = "run the same command again", held: bool = False
    ) -> None:
        super().__init__(f"interrupted: {advice}")
        self.number, self.held = number, held

    @property
    def code(self) -> int:
        """Exit code, as shells give it for a process that died of the signal."""
        return 128 + self.number


@contextmanager
def raised() -> Iterator[None]:
    """Raise Interrupted wherever the main thread is when a signal comes."""
    with _handled(_raise):
        yield


@contextmanager
def held_back() -> Iterator[None]:
    """Hold the first signal back until `poll`; the next one is raised at once."""
    _held.clear()
    try:
        with _handled(_hold):
            yield
    finally:
        _held.clear()


def poll() -> None:
    """Raise Interrupted if a signal was held back: call it where nothing is half done."""
    if _held:
        raise Interrupted(_held[0], held=True)


def _raise(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)


def _hold(number: int, _: FrameType | None) -> None:
    if _held:
        raise Interrupted(number)
    _held.append(number)


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    """Handle the signals inside the block; in threads, which get none, change nothing."""
    main = threading.current_thread() is threading.main_thread()
    chosen = [s for s in SIGNALS if main and signal.getsignal(s) is not signal.SIG_IGN]
    before = [(s, signal.signal(s, handler)) for s in chosen]
    try:
        yield
    finally:
        for number, old in before:
            signal.signal(number, old)
