"""A linear 3D morphable model as the rigid face: identity as a few coefficients.

Any PCA model fits in one .npz file (BFM, FLAME, Surrey: convert once):

    mean        [V,3]  meters
    shape       [3V,S] directions of identity, vertex by vertex (x, y, z, x, y, z, ...)
    shape_std   [S]    standard deviation of each coefficient
    expression  [3V,E] optional directions of expression
    vertices    [L]    vertex numbers that have a landmark
    landmarks   [L]    their face-mesh landmark numbers (0 to 467)

Axes and origin do not matter: the result is moved into the head frame.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.face import mesh
from unigs.geometry.rigid import SHAPE_UNIT, Camera, Poses
from unigs.prepare.pose.bundle_adjustment import track
from unigs.prepare.pose.normal_equations import point_normals
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz

FEWEST_LANDMARKS = 6
"""Landmarks on the rigid face that a pose needs."""
EXPRESSION_STD = 0.5
"""Spread of the mean expression's coefficients; expression bases come without one."""


class MorphableModel:
    """The landmarks of a PCA face.

    Args:
        path: .npz file as described above.

    Raises:
        UserError: the file is missing, or its arrays do not fit each other.
    """

    def __init__(self, path: str | None) -> None:
        if path is None:
            raise UserError(
                "the pca back-end of fit_pose needs a model: set pose.model to an .npz file, "
                "or pose.backend to landmarks."
            )
        data = load_npz(Path(path), "mean", "shape", "shape_std", "vertices", "landmarks")
        mean, basis = data["mean"].astype(np.float64), data["shape"].astype(np.float64)
        vertices, landmarks = data["vertices"].astype(int), data["landmarks"].astype(int)
        expression = data.get("expression", np.zeros((mean.size, 0)))
        fits = (
            mean.ndim == 2 and mean.shape[1] == 3
            and basis.ndim == 2 and basis.shape[0] == expression.shape[0] == mean.size
            and data["shape_std"].shape == basis.shape[1:]
            and vertices.shape == landmarks.shape and vertices.size > 0
            and 0 <= vertices.min() and vertices.max() < len(mean)
            and 0 <= landmarks.min() and landmarks.max() < mesh.VERTICES
        )  # fmt: skip
        if not fits:
            raise UserError(
                f"the arrays of {path} do not fit each other: "
                "see unigs/prepare/pose/morphable_model.py for their shapes."
            )
        still = ~np.isin(landmarks, _moving_landmarks())
        if still.sum() < FEWEST_LANDMARKS:
            raise UserError(
                f"{path} maps {still.sum()} landmarks off lips and lids, a pose needs "
                f"{FEWEST_LANDMARKS}: extend its vertices and landmarks."
            )
        self.landmarks, vertices = landmarks[still], vertices[still]
        self.mean = mean[vertices]
        directions = np.concatenate([basis, expression], 1).reshape(len(mean), 3, -1)
        self.directions = directions[vertices]  # [L,3,S+E]
        self.std = np.concatenate([data["shape_std"], np.full(expression.shape[1], EXPRESSION_STD)])

    def points(self, coefficients: np.ndarray) -> np.ndarray:
        """Landmark positions [L,3] in meters of coefficients [S+E] in standard deviations."""
        return self.mean + self.directions @ (self.std * coefficients)

    def fit(
        self, pixels: np.ndarray, poses: Poses, camera: Camera, *, robust: float, rounds: int = 20
    ) -> np.ndarray:
        """Coefficients [S+E] of one person, from independent frames.

        Poses and coefficients are solved for in turn (maximum a posteriori): coefficients have a
        standard normal prior, landmarks a standard deviation of `robust`.

        Args:
            pixels: [T,L,2], NaN where missing.
            poses: first guess of T poses.
            camera: known intrinsics.
            robust: residual in pixels beyond which a landmark loses weight.
            rounds: alternations of poses and coefficients.
        """
        coefficients = np.zeros(len(self.std))
        alone = np.ones(len(pixels), bool)
        J = (self.directions * self.std / SHAPE_UNIT).astype(np.float64)
        for _ in range(rounds):
            points = self.points(coefficients)
            poses = track(
                points, pixels, poses, camera, robust=robust, smooth=0, starts=alone, steps=3
            )
            V, gradient = point_normals(points, pixels, poses, camera, robust)
            # All frames see one person: their errors are shared, so they count as one frame.
            V, gradient = V / len(pixels) / robust**2, gradient / len(pixels) / robust**2
            H = np.einsum("pia,pij,pjb->ab", J, V, J, optimize=True) + np.eye(len(self.std))
            right = np.einsum("pia,pi->a", J, gradient) + coefficients
            coefficients = coefficients - np.linalg.solve(H, right)
        return coefficients


def _moving_landmarks() -> list[int]:
    """Landmarks on lips and lids (not the corners of the eyes): they move on the skull."""
    corners = {*mesh.RIGHT_EYE_CORNERS, *mesh.LEFT_EYE_CORNERS}
    return sorted({*mesh.LIPS, *mesh.RIGHT_EYE, *mesh.LEFT_EYE} - corners)
