"""Which frames are judged, and which a portrait could learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unigs.media.audio import RATE
from unigs.stage.errors import UserError
from unigs.subject.frame_table import TEST, TRAIN, FrameTable


@dataclass(frozen=True)
class Split:
    """The test and the training frames of a clip, kept and with a head pose."""

    table: FrameTable
    """The clip's frame table."""
    test: np.ndarray
    """Indices of the test frames, ascending, int [n]."""
    train: np.ndarray
    """Indices of the training frames, ascending, int [m]."""

    @property
    def follows(self) -> np.ndarray:
        """Bool [n]: test frame i continues test frame i-1 (nothing removed, no cut between)."""
        return np.r_[False, np.diff(self.test) == 1] & ~self.table.jump_cuts[self.test]

    @property
    def time(self) -> np.ndarray:
        """Seconds of every test frame, float [n]."""
        return self.table.time[self.test]


def split_of(table: FrameTable, posed: np.ndarray) -> Split:
    """Split a clip for evaluation.

    Args:
        table: the clip's frame table.
        posed: frames that have a head pose, bool [T]; others do not count.

    Raises:
        UserError: no test frame or no training frame is left.
    """
    test, train = (table.frames(name, posed) for name in (TEST, TRAIN))
    for name, rows in (("test", test), ("training", train)):
        if not len(rows):
            raise UserError(
                f"{table.path} keeps no {name} frame: screen less strictly or film longer."
            )
    return Split(table, test, train)


def sound_of_frames(samples: np.ndarray, split: Split) -> np.ndarray:
    """The sound of the test frames alone, float32 [n], frame by frame as the picture shows them."""
    table = split.table
    edges = np.rint(np.arange(len(table) + 1) / table.fps * RATE).astype(int)
    samples = np.pad(samples, (0, max(0, edges[-1] - len(samples))))
    return np.concatenate([samples[edges[row] : edges[row + 1]] for row in split.test])
