"""detect_landmarks: landmarks of the face in every frame of the clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.face.detectors import open_detectors
from unigs.face.follow import FaceFollower
from unigs.face.mesh import POINTS
from unigs.media.video import probe, read_video
from unigs.settings.landmarks import LandmarkSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.progress import progress
from unigs.subject.features import Landmarks


def detect_landmarks(video: Path, out: Path, settings: LandmarkSettings) -> None:
    """Find the 478 landmarks of the face (with irises) in every frame of the clip.

    Nothing is smoothed and nothing is filled in.

    Args:
        video: the clip.
        out: file to write (.npz): points [T,478,3] float32 (x, y in pixels of the clip, z in the
            scale of x, smaller is nearer; NaN where no face was found), found [T] bool, size (width
            of the clip in pixels) and backend.
        settings: limits of the tracker.

    Raises:
        UserError: the clip cannot be read, no frame shows a face, or the detectors' networks are
            missing.
    """
    info = probe(video)
    rows: list[np.ndarray] = []
    nothing = np.full((POINTS, 3), np.nan, np.float32)
    detectors = open_detectors(settings.detectors, settings.detectors_model)
    with FaceFollower(detectors, confidence=settings.confidence, jump=settings.jump) as follower:
        total = round(info.duration * info.fps)
        for frame in progress(read_video(video), total=total, label="landmarks"):
            points = follower.find(frame)
            rows.append(nothing if points is None else points)
    found = np.array([np.isfinite(row).all() for row in rows], bool)
    if not found.any():
        raise UserError(f"{video} shows no face in any frame: check the clip, or its crop window.")
    Landmarks(np.stack(rows), found, info.width, detectors.name).write(out)


if __name__ == "__main__":
    cli.run(detect_landmarks)
