"""Lips of a video as two judges see them: 20 points in the frame of the face.

In one common frame of the face, free of head pose and of size, lips of a render can be compared
with those of another video and of another person, who holds the head otherwise. Both judges have
the 20 mouth points of the iBUG scheme (48 to 67) in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unigs.evaluate.faces import FaceReader
from unigs.evaluate.lip_networks import PointReader
from unigs.evaluate.mouth import MESH, POINTS68
from unigs.face import landmarks68, mesh
from unigs.face.detectors import open_detectors
from unigs.face.lips import in_face_frame, normalized
from unigs.face.points68 import Points68, load_points68
from unigs.face.squares import face_squares
from unigs.media.video import read_video
from unigs.pretrained.auto import LANDMARKS68, chosen_model
from unigs.settings.detectors import DetectorSettings
from unigs.settings.evaluate import LipJudgeSettings
from unigs.stage.errors import UserError
from unigs.stage.progress import progress

OPENING = ((13, 19), (14, 18), (15, 17))
"""Pairs (upper inner lip, lower inner lip) of the 20 points."""
CORNERS = (0, 6)
"""Corners of the mouth among the 20 points."""


@dataclass(frozen=True)
class LipJudge:
    """Where a detector's landmarks have skull and lips."""

    name: str
    """Name of the detector."""
    suffix: str
    """What the judge's figures end in."""
    rigid: tuple[int, ...]
    lips: tuple[int, ...]


FIRST = LipJudge("MediaPipe face mesh", "", mesh.RIGID, MESH.lips)
"""The detector whose landmarks trained the portrait."""
SECOND = LipJudge(landmarks68.BACKEND, "_68", landmarks68.RIGID, POINTS68.lips)
"""The network that had no part in the training."""


@dataclass(frozen=True)
class LipView:
    """Lips of every frame of a video."""

    points: np.ndarray
    """The 20 lip points [T,20,C] in the common frame, in sizes of the skull; NaN without a face."""

    @property
    def opening(self) -> np.ndarray:
        """Distance of the inner lips [T], in sizes of the skull."""
        upper, lower = (list(side) for side in zip(*OPENING, strict=True))
        return np.linalg.norm(self.points[:, upper] - self.points[:, lower], axis=2).mean(1)

    @property
    def width(self) -> np.ndarray:
        """Distance of the corners of the mouth [T], in sizes of the skull."""
        return np.linalg.norm(self.points[:, CORNERS[0]] - self.points[:, CORNERS[1]], axis=1)

    def at(self, rows: np.ndarray) -> LipView:
        """The view at rows [n] that need not be whole; NaN beyond the first and last row."""
        flat = self.points.reshape(len(self.points), -1)
        below = np.floor(rows).astype(int)
        inside = (below >= 0) & (rows <= len(flat) - 1)
        first = below.clip(0, len(flat) - 1)
        share = (rows - below)[:, None]
        # A whole row does not ask for the next one, which may lack a face.
        after = np.where(share > 0, flat[(first + 1).clip(0, len(flat) - 1)], flat[first])
        mixed = (1 - share) * flat[first] + share * after
        mixed[~inside] = np.nan
        return LipView(mixed.reshape(len(rows), *self.points.shape[1:]))


@dataclass(frozen=True)
class Face:
    """A person's skull as one judge sees it: the common frame of all views that are compared."""

    judge: LipJudge
    shape: np.ndarray
    """Places [R,C] of the rigid points, about their mean, in units of their spread."""
    size: float
    """Median spread of the rigid points, px."""

    @classmethod
    def of(cls, judge: LipJudge, points: np.ndarray) -> Face:
        """The mean face of a clip.

        Args:
            judge: whose landmarks they are.
            points: landmarks [T,P,C], px; NaN without a face, at least one frame has one.
        """
        rigid = points[:, list(judge.rigid)].astype(np.float64)
        found = rigid[np.isfinite(rigid).all((1, 2))]
        shapes, _, sizes = zip(*map(normalized, found), strict=True)
        return cls(judge, normalized(np.mean(shapes, 0))[0], float(np.median(sizes)))

    def view(self, points: np.ndarray) -> LipView:
        """Lips of landmarks [T,P,C] in the frame of this face."""
        return LipView(in_face_frame(points, self.judge.rigid, self.judge.lips, self.shape))


def mesh_points(video: Path, label: str, settings: DetectorSettings) -> np.ndarray:
    """Landmarks [T,478,3] of a video, px, as the first judge finds them; NaN without a face.

    Args:
        video: the video.
        label: what the progress is of.
        settings: the carrier of the detectors.
    """
    with FaceReader(open_detectors(settings.detectors, settings.detectors_model)) as reader:
        for frame in _frames(video, label):
            reader.read(frame)
        return reader.points()


def network_points(network: Points68, video: Path, points: np.ndarray, label: str) -> np.ndarray:
    """Landmarks [T,68,2] of a video, px, as the second judge finds them; NaN without a face.

    Args:
        network: the second judge.
        video: the video, T frames.
        points: landmarks [T,478,3] of the first judge, which say where the face is.
        label: what the progress is of.

    Raises:
        UserError: the video has another number of frames than the landmarks.
    """
    squares = face_squares(points, network.side, network.down)
    if not np.isfinite(squares).all():
        return np.full((len(points), landmarks68.POINTS, 2), np.nan)
    reader, seen = PointReader(network, squares), 0
    for seen, frame in enumerate(_frames(video, label), 1):
        if seen <= len(points):
            reader.read(frame, seen - 1)
    if seen != len(points):
        raise UserError(f"{video} has {seen} frames instead of {len(points)}: make it anew.")
    found = reader.points()
    found[~np.isfinite(points).all((1, 2))] = np.nan
    return found


def _frames(video: Path, label: str) -> Iterator[np.ndarray]:
    return progress(read_video(video), label=label)


Look = Callable[[Path, np.ndarray], np.ndarray]


def judges(settings: LipJudgeSettings, device: str) -> list[tuple[LipJudge, Look]]:
    """Each judge that there is, and how it finds its landmarks in a video.

    The weights are read at once, so that a damaged file is told before any video is gone through.

    Args:
        settings: fields of the section `evaluate` that name the weights of the second judge.
        device: where the second judge runs, "cpu" or "cuda".

    Raises:
        UserError: the weights of the second judge are missing or of another network.
    """
    found: list[tuple[LipJudge, Look]] = [(FIRST, lambda _, points: points)]
    if path := chosen_model(settings.landmarks_model, LANDMARKS68):
        network = load_points68(path, device)
        second = replace(SECOND, name=network.backend)
        found.append(
            (second, lambda video, points: network_points(network, video, points, video.stem))
        )
    return found
