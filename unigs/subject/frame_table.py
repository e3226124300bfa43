"""clip/frames.csv: which frames count, why others do not, which are held out for the test.

The frame table is the one index of a clip: row k of every file of a subject describes frame k of
the table, and `FrameTable.check_rows` is the one place where that is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.stage.errors import UserError
from unigs.subject.checks import Array, read_columns, write_columns

JUMP_CUT = "jump_cut"
REASONS = ("no_face", "second_face", "hands", "fade", JUMP_CUT, "head_turn", "user")
"""Marks of a frame, in the order in which the column `reason` joins them with "+". A frame with any
mark but `jump_cut` is removed; `jump_cut` marks the first frame of a shot."""
TRAIN, TEST = "train", "test"
COLUMNS = {
    "frame": Array(kind="whole"),
    "time": Array(),
    "keep": Array(kind="whole"),
    "reason": Array(kind="text"),
    "split": Array(kind="text"),
}
FEWEST_TRAINING_FRAMES = 100
"""Kept training frames that a portrait needs: four seconds. The lips are validated on five folds
of them (`unigs.lips.folds`), each as long as the pauses left around it."""


@dataclass(frozen=True)
class FrameTable:
    """The frame table of a clip of T frames."""

    path: Path
    """File that the table stands in, for messages."""
    time: np.ndarray
    """Seconds of every frame, float [T]."""
    keep: np.ndarray
    """Frames that count, bool [T]."""
    reason: np.ndarray
    """Marks of every frame joined with "+", str [T]; empty where there are none."""
    split: np.ndarray
    """`train` or `test`, str [T]."""

    def __len__(self) -> int:
        return len(self.time)

    @property
    def fps(self) -> float:
        """Frames per second, from the times of the first and the last frame.

        Raises:
            UserError: the table has fewer than two frames, or times that do not rise.
        """
        if len(self) < 2 or self.time[-1] <= self.time[0]:
            raise UserError(f"{self.path} has {len(self)} frames: use a clip of some seconds.")
        return float((len(self) - 1) / (self.time[-1] - self.time[0]))

    @property
    def jump_cuts(self) -> np.ndarray:
        """First frames after a jump cut, bool [T]."""
        return self.marked(JUMP_CUT)

    def marked(self, name: str) -> np.ndarray:
        """Frames that carry a mark of `REASONS`, bool [T]."""
        return np.array([name in words.split("+") for words in self.reason], bool)

    @property
    def starts(self) -> np.ndarray:
        """First frames of all parts but the first, bool [T].

        A part ends at a jump cut, where the motion does, and at a change of split, so that no
        training frame takes up what a test frame shows.
        """
        other = np.r_[False, self.split[1:] != self.split[:-1]]
        return (self.jump_cuts | other) & (np.arange(len(self)) > 0)

    @property
    def parts(self) -> np.ndarray:
        """Number of every frame's part, int [T]; what is smoothed in time is so within parts."""
        return np.cumsum(self.starts)

    @property
    def teaches(self) -> np.ndarray:
        """Kept frames of the training part, bool [T]: the only ones that set a scale or a model."""
        return self.keep & (self.split == TRAIN)

    def frames(self, split: str, usable: np.ndarray | None = None) -> np.ndarray:
        """Kept frames of a split, ascending, int [n].

        Args:
            split: `train` or `test`.
            usable: frames that may count, bool [T]; None: all.
        """
        chosen = self.keep & (self.split == split)
        return np.flatnonzero(chosen if usable is None else chosen & usable)

    def check_rows(self, path: Path | None, rows: object) -> None:
        """Refuse a file that has not one row for every frame of the clip.

        Args:
            path: the file, for the message.
            rows: what was read from it, one row a frame; None is accepted.

        Raises:
            UserError: the lengths differ; it names both files and both numbers.
        """
        if rows is not None and len(rows) != len(self):
            raise UserError(
                f"{path} has {len(rows)} rows but {self.path} has {len(self)} frames: "
                "they must describe the same frames; make both anew."
            )

    def write(self) -> None:
        """Write the table to its path, as a whole or not at all."""
        write_columns(
            self.path,
            {
                "frame": range(len(self)),
                "time": (f"{seconds:.3f}" for seconds in self.time),
                "keep": self.keep.astype(int),
                "reason": self.reason,
                "split": self.split,
            },
        )


def reason_words(marks: Mapping[str, np.ndarray]) -> np.ndarray:
    """The column `reason`, str [T]: the marks of each frame joined with "+".

    Args:
        marks: bool [T] for each of `REASONS`.
    """
    rows = zip(*(marks[name] for name in REASONS), strict=True)
    return np.array(["+".join(np.array(REASONS)[list(row)]) for row in rows], object)


def read_frame_table(path: Path) -> FrameTable:
    """Read a frame table.

    Raises:
        UserError: the file is missing, damaged, or does not number its frames 0, 1, 2, ...
    """
    columns = read_columns(path, COLUMNS, "screen_clip")
    frame, time, keep, reason, split = (columns[name] for name in COLUMNS)
    if not np.array_equal(frame, np.arange(len(frame))):
        raise UserError(f"{path} skips or repeats frame numbers: run screen_clip anew.")
    if not (np.diff(time) > 0).all():
        raise UserError(f"{path} has times that do not rise: run screen_clip anew.")
    strange = np.setdiff1d(split, [TRAIN, TEST])
    if len(strange):
        raise UserError(
            f"{path}: column split holds '{strange[0]}', not {TRAIN} or {TEST}; run screen_clip "
            "anew."
        )
    return FrameTable(Path(path), time.astype(float), keep > 0, reason, split)
