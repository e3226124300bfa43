"""The clip of a portrait: its true frames, what moves the portrait in them, and which are which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unigs.stage.errors import UserError
from unigs.subject.frame_table import TEST, TRAIN, FrameTable, read_frame_table
from unigs.subject.framestore import FrameStore
from unigs.subject.performance import Performance, read_performance
from unigs.view.files import ViewFiles

PARTS = {"test": "test frames", "train": "training frames", "all": "all with a pose"}
"""Parts of a clip that are scrubbed, and what they are called."""


@dataclass(frozen=True)
class Clip:
    """A clip of T frames."""

    files: ViewFiles
    """Where it was read."""
    table: FrameTable
    """Its frame table."""
    truth: FrameStore
    """Its frames, decoded."""
    labels: FrameStore | None
    """Its label images, decoded; None: there are none."""

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """Frames of each of `PARTS`, ascending; of `all` those that were removed, too."""
        known = np.isfinite(self.performance().head.t).all(1)
        return {
            "test": self.table.frames(TEST, known),
            "train": self.table.frames(TRAIN, known),
            "all": np.flatnonzero(known),
        }

    def performance(self) -> Performance:
        """What moves the portrait, read anew: a training that runs may refine the poses.

        Raises:
            UserError: a file is missing, damaged, or has not one row for every frame.
        """
        f = self.files
        return read_performance(self.table, f.pose, f.body, f.eyes, f.speech)

    def told(self, frame: int) -> str:
        """What a frame is: its number, its time, its part, why it was removed."""
        table = self.table
        part = "test" if table.split[frame] == TEST else "training"
        if not table.keep[frame]:
            part = f"removed ({table.reason[frame]})"
        return f"frame {frame} of {len(table)}, {table.time[frame]:.2f} s, {part}"


def read_clip(files: ViewFiles) -> Clip:
    """Read a clip, and decode its frames into a scratch file as training does.

    Args:
        files: where it lies.

    Raises:
        UserError: a file is missing or damaged, files do not fit each other, or no frame has a
            pose.
    """
    table = read_frame_table(files.frame_table)
    truth = FrameStore(files.video, len(table))
    labels = None if files.labels is None else FrameStore(files.labels, len(table), labels=True)
    clip = Clip(files, table, truth, labels)
    if not len(clip.parts["all"]):
        raise UserError(f"{files.pose} holds no pose of any frame: run fit_pose anew.")
    return clip
