"""What a clip tells of lips and speech before any portrait of it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.face.lips import lip_code
from unigs.speech.encoder import projection_of
from unigs.subject.features import Landmarks, SpeechFeatures
from unigs.subject.frame_table import TEST, TRAIN, FrameTable, read_frame_table

__all__ = ["TEST", "TRAIN", "LipClip", "read_clips"]


@dataclass(frozen=True)
class LipClip:
    """Lips and speech of the frames of one clip."""

    name: str
    """Name of the subject."""
    path: Path
    """File of the speech features, for messages."""
    table: FrameTable
    speech: SpeechFeatures
    landmarks: Landmarks
    lips: np.ndarray
    """Opening and width [T,2], z-scored over the training frames; NaN without a face."""

    @classmethod
    def read(cls, name: str, frame_table: Path, landmarks: Path, speech: Path) -> LipClip:
        """Read a clip's files.

        Args:
            name: name of the subject.
            frame_table: frame table (.csv).
            landmarks: face landmarks (.npz).
            speech: speech features (.npz).

        Raises:
            UserError: a file is missing or damaged, or they describe different frames.
        """
        table, marks = read_frame_table(frame_table), Landmarks.read(landmarks)
        heard = SpeechFeatures.read(speech)
        table.check_rows(landmarks, marks.points)
        table.check_rows(speech, heard)
        lips = lip_code(marks.points, table.teaches)
        return cls(name, speech, table, heard, marks, lips)

    @property
    def projection(self) -> str:
        """Digest of the projection that made the speech features; empty: there is none."""
        return projection_of(self.speech.encoder)

    def frames(self, split: str | None = None) -> np.ndarray:
        """Kept frames with a face, of one split or of all, indices [n]."""
        chosen = self.table.keep & np.isfinite(self.lips).all(1)
        return np.flatnonzero(chosen if split is None else chosen & (self.table.split == split))


def read_clips(
    subjects: tuple[str, ...],
    frame_table: tuple[Path, ...],
    landmarks: tuple[Path, ...],
    speech: tuple[Path, ...],
) -> list[LipClip]:
    """Clips of several subjects, whose files are given in the subjects' order.

    Raises:
        UserError: a file is missing or damaged, or describes other frames than its neighbors.
        ValueError: the lists differ in length.
    """
    rows = zip(subjects, frame_table, landmarks, speech, strict=True)
    return [LipClip.read(*row) for row in rows]
