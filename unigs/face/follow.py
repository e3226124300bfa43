"""Following one face through a video: where to look, when to look anew."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

import numpy as np

from unigs.face.detectors import Detectors
from unigs.face.mesh import RIGID
from unigs.face.squares import face_box

REGION = 2.4
"""Side of the searched square in face sizes: the mesh's own detector needs some surroundings."""
OFF_CENTER = 0.2
"""The square is moved when the face is off its center by more than this share of its side."""


def choose_box(boxes: np.ndarray, near: np.ndarray, reach: float) -> np.ndarray:
    """Of the boxes [N,>=4], the largest that is not far from the point `near` (x, y).

    The area is weighted by a Gaussian of standard deviation `reach` pixels around `near`.
    """
    center = boxes[:, :2] + boxes[:, 2:4] / 2
    distance = ((center - near) ** 2).sum(1)
    weight = boxes[:, 2] * boxes[:, 3] * np.exp(-distance / (2 * reach**2))
    return boxes[int(weight.argmax()), :4]


class FaceFollower:
    """Landmarks of the same face, frame after frame; use as a context manager.

    The face is chosen once (largest and most central), then looked for in a square around it, so
    that a second person at the edge is never picked up. Inside the square the mesh is tracked from
    frame to frame, which is steadier than detecting each time. Nothing is smoothed.

    Args:
        detectors: the carrier that finds boxes and landmarks.
        confidence: least score, 0 to 1.
        jump: start anew after a shift of more than this many face widths between two frames.
        static: frames are far apart in time; detect the face in each.
    """

    def __init__(
        self,
        detectors: Detectors,
        *,
        confidence: float,
        jump: float = 0.15,
        static: bool = False,
    ) -> None:
        self.jump, self.static = jump, static
        self._boxes = detectors.boxes(confidence=confidence)
        self._mesh = detectors.mesh(static=static, confidence=confidence)
        self._region: np.ndarray | None = None  # center x, center y, side
        self._last: np.ndarray | None = None  # landmarks of the last frame, None if lost
        self._center: np.ndarray | None = None  # where the face was seen last

    def __enter__(self) -> FaceFollower:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._boxes.__exit__(kind, error, trace)
        self._mesh.__exit__(kind, error, trace)

    def find(self, frame: np.ndarray) -> np.ndarray | None:
        """Landmarks [478,3] float32 in pixels of uint8 RGB [H,W,3], or None if there is no face."""
        points = None if self.static or self._region is None else self._look(frame)
        if points is not None and self._jumped(points):
            self._forget()
            points = self._look(frame)
        if points is None:
            for region in self._candidates(frame):
                self._region = region
                self._forget()
                points = self._look(frame)
                if points is not None:
                    break
        self._last = points
        if points is None:
            self._region = None
        else:
            self._recenter(points)
        return points

    def _look(self, frame: np.ndarray) -> np.ndarray | None:
        height, width = frame.shape[:2]
        x, y, side = self._region
        x0, x1 = max(0, int(x - side / 2)), min(width, int(x + side / 2))
        y0, y1 = max(0, int(y - side / 2)), min(height, int(y + side / 2))
        if x1 - x0 < 16 or y1 - y0 < 16:
            return None
        points = self._mesh.find(np.ascontiguousarray(frame[y0:y1, x0:x1]))
        return None if points is None else points + np.float32([x0, y0, 0])

    def _candidates(self, frame: np.ndarray) -> Iterator[np.ndarray]:
        """Squares in which to look for a face that is not being tracked, best first."""
        height, width = frame.shape[:2]
        middle = np.array([width, height]) / 2
        boxes = self._boxes.find(frame)
        if len(boxes):
            near = middle if self._center is None else self._center
            x, y, w, h = choose_box(boxes, near, reach=0.25 * (width + height))
            yield np.array([x + w / 2, y + h / 2, REGION * max(w, h)])
        # The mesh's own detector also sees faces that fill the picture.
        yield np.array([*middle, 2.0 * max(width, height)])

    def _forget(self) -> None:
        if not self.static:
            self._mesh.forget()

    def _jumped(self, points: np.ndarray) -> bool:
        if self._last is None:
            return False
        shift = np.linalg.norm((points - self._last)[RIGID, :2], axis=1).mean()
        return bool(shift > self.jump * face_box(points)[2])

    def _recenter(self, points: np.ndarray) -> None:
        box = face_box(points)
        self._center, size = box[:2] + box[2:] / 2, float(max(box[2:]))
        wanted = np.array([*self._center, REGION * size])
        if self._region is not None:
            off = np.abs(wanted[:2] - self._region[:2]).max()
            ratio = wanted[2] / self._region[2]
            if off < OFF_CENTER * self._region[2] and 0.6 < ratio < 1.5:
                return
        self._region = wanted
        self._forget()
