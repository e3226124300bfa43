"""Landmarks of rendered frames, found as those of the true frames were."""

from types import TracebackType

import numpy as np

from unigs.face.detectors import Detectors
from unigs.face.follow import FaceFollower
from unigs.face.mesh import POINTS

CONFIDENCE = 0.5
"""Least confidence of the detector at which a face counts as found."""


class FaceReader:
    """Collects the landmarks of one stream of frames; use as a context manager.

    The detector follows the face from frame to frame and knows nothing of the truth: a render in
    which it finds no face gives NaN, and the figures say on how many frames they rest.

    Args:
        detectors: the carrier that finds them.
    """

    def __init__(self, detectors: Detectors) -> None:
        self._follower = FaceFollower(detectors, confidence=CONFIDENCE)
        self._rows: list[np.ndarray] = []

    def __enter__(self) -> "FaceReader":
        self._follower.__enter__()
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._follower.__exit__(kind, error, trace)

    def read(self, frame: np.ndarray) -> None:
        """Find the face in the next frame, uint8 RGB [H,W,3]."""
        points = self._follower.find(frame)
        missing = np.full((POINTS, 3), np.nan, np.float32)
        self._rows.append(missing if points is None else points)

    def points(self) -> np.ndarray:
        """Landmarks [n,478,3], px; NaN where no face was found."""
        return np.stack(self._rows)
