"""Streams of frames: chosen rows of a long one, and a render that must be as long as it should."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.media.video import read_video
from unigs.stage.errors import UserError


def pick(stream: Iterator[np.ndarray], rows: np.ndarray, path: Path) -> Iterator[np.ndarray]:
    """The frames `rows` (ascending) of a stream, one by one.

    Raises:
        UserError: the stream ends before the last row.
    """
    wanted = iter(rows.tolist())
    row = next(wanted, None)
    for index, frame in enumerate(stream):
        if row is None:
            return
        if index == row:
            yield frame
            row = next(wanted, None)
    if row is not None:
        raise UserError(f"{path} ends before frame {row}: make it anew.")


def read_aligned(path: Path, count: int) -> Iterator[np.ndarray]:
    """Frames of a render that must have exactly `count` frames.

    Raises:
        UserError: it has another number of frames.
    """
    seen = 0
    for frame in read_video(path):
        seen += 1
        if seen > count:
            break
        yield frame
    if seen != count:
        what = "more than" if seen > count else f"{seen} frames instead of"
        raise UserError(f"{path} has {what} {count} test frames: run render_test anew.")
