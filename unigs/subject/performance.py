"""A performance: all that moves a portrait, frame by frame.

One type goes from the files of a subject to training, to the players and to `drive`, which puts the
speech of another recording in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.subject.features import HeadPoses, SpeechFeatures, TorsoMotion, read_action_units
from unigs.subject.frame_table import FrameTable
from unigs.subject.series import interpolate
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory

__all__ = ["Performance", "read_performance"]


@dataclass(frozen=True)
class Performance:
    """Inputs of a portrait in T frames; None for what rests or is not needed (static field)."""

    head: RigidTrajectory
    """Head pose of every frame."""
    torso: AffineTrajectory | None = None
    """The torso's own frame in every frame; None: at rest."""
    outline: np.ndarray | None = None
    """How far the arms stand out, float32 [T,2], meters (`unigs.prepare.body.outline`)."""
    eyes: np.ndarray | None = None
    """Action units in the order of `FACE_UNITS`, float32 [T,7], 0 to 5."""
    speech: np.ndarray | None = None
    """Windows of speech features, float32 [T,W,D], normalized."""

    def __len__(self) -> int:
        return len(self.head)

    def __getitem__(self, frames: np.ndarray | slice) -> Performance:
        """The performance of some frames, given as indices, a mask or a slice."""
        parts = self.head, self.torso, self.outline, self.eyes, self.speech
        return Performance(*(None if part is None else part[frames] for part in parts))

    def at(self, positions: np.ndarray) -> Performance:
        """Motion and eyes between the frames, without speech, which does not interpolate.

        Args:
            positions: where to read, [m] in [0, T - 1].

        Returns:
            A performance of m frames: the head's rotations by Slerp, all else linear.
        """
        outline, eyes = (
            None if rows is None else interpolate(rows, positions)
            for rows in (self.outline, self.eyes)
        )
        torso = None if self.torso is None else self.torso.at(positions)
        return Performance(self.head.at(positions), torso, outline, eyes)


def read_performance(
    table: FrameTable,
    pose: Path,
    body: Path | None = None,
    eyes: Path | None = None,
    speech: Path | None = None,
) -> Performance:
    """Read the performance of a portrait's own clip, one row for every frame.

    Args:
        table: the clip's frame table.
        pose: head poses (pose.npz).
        body: motion of the torso (motion.npz); None: the torso rests.
        eyes: action units (eyes.csv); None: the performance has none.
        speech: speech features (features.npz); None: the performance has none.

    Raises:
        UserError: a file is missing, damaged, or has not one row for every frame.
    """
    poses = HeadPoses.read(pose)
    motion = None if body is None else TorsoMotion.read(body)
    units = None if eyes is None else read_action_units(eyes)
    heard = None if speech is None else SpeechFeatures.read(speech)
    for path, rows in ((pose, poses), (body, motion), (eyes, units), (speech, heard)):
        table.check_rows(path, rows)
    return performance_of(poses, motion, units, heard)


def performance_of(
    poses: HeadPoses,
    motion: TorsoMotion | None,
    eyes: np.ndarray | None,
    speech: SpeechFeatures | None,
) -> Performance:
    """The performance that features of equal length make up.

    Args:
        poses: head poses.
        motion: motion of the torso, or None.
        eyes: action units [T,7], or None.
        speech: speech features, or None.
    """
    torso, outline = (None, None) if motion is None else (motion.torso, motion.outline)
    return Performance(poses.head, torso, outline, eyes, None if speech is None else speech.windows)
