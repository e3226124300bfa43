"""The face mesh on LiteRT: found anew, or followed from the frame before."""

from __future__ import annotations

import numpy as np

from unigs.face.litert.boxes import BoxDetector
from unigs.face.litert.mesh_net import MeshNetwork
from unigs.face.litert.windows import Window, direction
from unigs.face.mesh import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS

MARGIN = 1.5
"""Side of the window that the mesh sees, in longer sides of the face's box."""
EYES = (0, 1)
"""Marks of a detected face that shall lie level: the eyes, the one at the left first."""
CORNERS = (RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[0])
"""Points of the mesh that shall lie level: the outer corners of the eyes."""


class FaceMesh:
    """478 landmarks (with irises) of one face; use as a context manager.

    Args:
        faces: finds a face that is not followed.
        mesh: finds its points.
        static: treat every image on its own; otherwise the last face found says where to look.
        confidence: least score of detection and of tracking, 0 to 1.
    """

    def __init__(
        self, faces: BoxDetector, mesh: MeshNetwork, *, static: bool, confidence: float
    ) -> None:
        self.faces, self.mesh, self.static, self.confidence = faces, mesh, static, confidence
        self._window: Window | None = None

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks [478,3] float32 of the face in uint8 RGB [H,W,3], or None.

        x, y in pixels; z in the scale of x, smaller is nearer to the camera.
        """
        window, self._window = self._window, None
        if window is None:
            found = self.faces.find(image, self.confidence)
            if not found:
                return None
            window = found[0].window(*EYES, 0.0).grown(MARGIN)
        points, sure = self.mesh.find(image, window)
        if sure < self.confidence:
            return None
        if not self.static:
            self._window = around(points)
        return points

    def forget(self) -> None:
        """Drop the tracking state of earlier images."""
        self._window = None


def around(points: np.ndarray) -> Window:
    """The window in which the next image's face is looked for, around landmarks [478,3]."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    (x, y), (width, height) = (low + high) / 2, high - low
    angle = direction(points[CORNERS[0], :2], points[CORNERS[1], :2], 0.0)
    return Window(float(x), float(y), float(width), float(height), angle).grown(MARGIN)
