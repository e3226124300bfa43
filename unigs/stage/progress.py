"""Progress that suits its reader: a bar on a terminal, sparse lines in a log file."""

import sys
from collections.abc import Iterable, Iterator

from tqdm import tqdm

LOG_EVERY_SECONDS = 10.0
"""Seconds between two lines in a log file, at least: an hour of work stays one screen."""
LINE = "{desc}: {n_fmt}/{total_fmt} {percentage:3.0f}% {rate_fmt} {remaining} left{postfix}"


def progress(iterable: Iterable | None = None, total: int | None = None, label: str = "") -> tqdm:
    """Wrap an iterable (or count by hand with `.update()`), with rate and time left.

    Args:
        iterable: what to go through, or None to call `.update(n)` by hand.
        total: number of items if the iterable has no length.
        label: what is being done, in two or three words.
    """
    if sys.stderr.isatty():
        return tqdm(iterable, total=total, desc=label, dynamic_ncols=True, smoothing=0.1)
    return tqdm(
        iterable,
        total=total,
        desc=label,
        file=_LineStream(),
        mininterval=LOG_EVERY_SECONDS,
        maxinterval=LOG_EVERY_SECONDS,
        ncols=100,
        ascii=True,
        position=0,
        bar_format=LINE,
    )


class _LineStream:
    """Turns the carriage returns of a bar into whole lines on stderr."""

    def write(self, text: str) -> None:
        for line in _lines(text):
            sys.stderr.write(line + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\r", "\n").split("\n"):
        if line.strip():
            yield line.rstrip()
