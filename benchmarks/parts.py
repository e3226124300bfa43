"""Where the time of one call goes: its real functions are wrapped with clocks while it runs.

Each function is charged with its own time, without that of wrapped functions that it calls, so the
parts and the rest sum to the whole.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from unittest.mock import patch

import numpy as np

from benchmarks.harness import Row

REST = "rest"


class Clock:
    """Wall and CPU milliseconds by part, of the calls since `start`."""

    def __init__(self) -> None:
        self.parts: dict[str, np.ndarray] = {}
        self._open: list[np.ndarray] = []

    def wrap(self, function: Callable, name: str | Callable[..., str]) -> Callable:
        """The function, charged to part `name` (or to the part that `name(*arguments)` tells)."""

        @wraps(function)
        def timed(*args, **kwargs):
            inner = np.zeros(2)
            self._open.append(inner)
            start = _now()
            try:
                return function(*args, **kwargs)
            finally:
                whole = _now() - start
                self._open.pop()
                if self._open:
                    self._open[-1] += whole
                part = name if isinstance(name, str) else name(*args)
                self.parts[part] = self.parts.get(part, np.zeros(2)) + whole - inner

        return timed


def _now() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()]) * 1e3


@contextmanager
def clocked(clock: Clock, places: list[tuple[object, str, str | Callable]]) -> Iterator[None]:
    """Wrap attributes (owner, attribute, part) with the clock; static methods stay static."""
    with ExitStack() as stack:
        for owner, attribute, name in places:
            timed = clock.wrap(getattr(owner, attribute), name)
            if isinstance(owner, type) and isinstance(vars(owner).get(attribute), staticmethod):
                timed = staticmethod(timed)
            stack.enter_context(patch.object(owner, attribute, timed))
        yield


def by_part(
    group: str,
    size: str,
    call: Callable[[], object],
    places: list[tuple[object, str, str | Callable]],
    *,
    seconds: float,
    rounds: tuple[int, int] = (2, 100),
) -> list[Row]:
    """Time a call by part.

    Args:
        group: what is timed.
        size: at which size.
        call: one round.
        places: owner, attribute and part of each function to wrap.
        seconds: time for this measurement.
        rounds: smallest and largest number of calls.

    Returns:
        A row for the whole, then one per part in order of first use, the rest last. Ratios are
        shares of the whole.
    """
    call()
    turns = []
    end = time.perf_counter() + seconds
    while len(turns) < rounds[0] or (time.perf_counter() < end and len(turns) < rounds[1]):
        clock = Clock()
        with clocked(clock, places):
            clock.wrap(call, REST)()
        turns.append(clock.parts)
    names = list(dict.fromkeys(name for turn in turns for name in turn if name != REST))
    times = np.array([[turn.get(name, np.zeros(2)) for name in [*names, REST]] for turn in turns])
    whole = times.sum(1, keepdims=True)
    shares = np.median(times / np.maximum(whole, 1e-9), axis=0)
    columns = {"whole": (whole[:, 0], np.ones(2))}
    for k, name in enumerate([*names, REST]):
        columns[name] = (times[:, k], shares[k])
    return [
        Row(
            group,
            size,
            name,
            median_ms=float(np.median(values[:, 0])),
            best_ms=float(values[:, 0].min()),
            cpu_ms=float(np.median(values[:, 1])),
            ratio=float(share[0]),
            cpu_ratio=float(share[1]),
            calls=len(turns),
        )
        for name, (values, share) in columns.items()
    ]
