"""The jaw of a face model: which of its vertices a landmark on the outline of the face shows.

A landmark of the jaw has no vertex of its own: as the head turns, it slides along the face. So it
is given the vertex of the model's jaw that is seen next to it, anew for every pose; and only on
the side that faces the camera, for the other one hides behind the cheek (Bas et al., "Fitting a 3D
morphable model to edges", 2016; Huber et al., "Fitting 3D morphable face models using local
features", 2015).
"""

from __future__ import annotations

import numpy as np

from unigs.face import mesh
from unigs.geometry.rigid import Camera, Poses, project
from unigs.prepare.pose.linear_points import LinearPoints

FRONTAL = np.sin(np.radians(7.5))
"""Sine of the turn up to which both sides of the jaw are seen."""
PER_SIDE = 8
"""Landmarks of either side of the jaw; the chin between them has a vertex."""


class Contour:
    """Vertices of a jaw.

    Args:
        right: those on the person's right; may be empty.
        left: those on the person's left; may be empty.
    """

    landmarks = np.array([*mesh.IBUG68[:PER_SIDE], *mesh.IBUG68[PER_SIDE + 1 : 2 * PER_SIDE + 1]])
    """Landmarks [16] of the jaw: those on the right, then those on the left."""

    def __init__(self, right: LinearPoints, left: LinearPoints) -> None:
        self.points, self.split = right.joined(left), len(right)

    def observe(
        self, points: np.ndarray, marks: np.ndarray, poses: Poses, camera: Camera
    ) -> np.ndarray:
        """What the frames say of each vertex.

        Args:
            points: the vertices [C,3] of one person, meters.
            marks: landmarks [T,16,2] of the jaw, pixels.
            poses: T poses.
            camera: known intrinsics.

        Returns:
            Pixels [T,C,2]: the mean of the landmarks that a vertex is given, NaN without any.
        """
        seen = np.full((len(marks), len(points), 2), np.nan)
        right, left = slice(None, self.split), slice(self.split, None)
        if not len(points[right]) or not len(points[left]):
            return seen
        across = points[left].mean(0) - points[right].mean(0)
        # How far the left side lies behind the right one, as a sine.
        turned = (poses.R @ (across / np.linalg.norm(across)))[:, 2]
        pixels = project(points, poses, camera)
        for side, mine, shows in (
            (right, slice(None, PER_SIDE), turned > -FRONTAL),
            (left, slice(PER_SIDE, None), turned < FRONTAL),
        ):
            seen[shows, side] = _given(marks[shows, mine], pixels[shows, side])
        return seen


def _given(marks: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Mean [T,C,2] of the landmarks [T,L,2] next to each vertex [T,C,2], NaN without any."""
    away = np.linalg.norm(marks[:, :, None] - pixels[:, None], axis=-1)
    chosen = away.argmin(2)[..., None] == np.arange(pixels.shape[1])
    count = chosen.sum(1)[..., None]
    total = np.einsum("tlc,tli->tci", chosen.astype(float), marks)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
