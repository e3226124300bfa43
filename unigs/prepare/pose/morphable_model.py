"""A linear 3D morphable model as the rigid face: identity as a few coefficients.

Any PCA model fits in one .npz file (`unigs models convert` writes it from the published files):

    mean            [V,3]  meters
    shape           [3V,S] directions of identity, vertex by vertex (x, y, z, x, y, z, ...)
    shape_std       [S]    standard deviation of each coefficient
    expression      [3V,E] optional directions of expression
    expression_std  [E]    optional standard deviations of their coefficients
    vertices        [L]    vertex numbers that have a landmark
    landmarks       [L]    their face-mesh landmark numbers (0 to 467), or instead
    ibug            [L]    their numbers in the iBUG annotation (1 to 68)
    right_contour   [N]    optional vertices of the jaw, on the person's right
    left_contour    [M]    optional vertices of the jaw, on the person's left

Axes and origin do not matter: the result is moved into the head frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.face import mesh
from unigs.face.shape import rough_poses
from unigs.geometry.rigid import SHAPE_UNIT, Camera, Poses
from unigs.geometry.similarity import similarity
from unigs.prepare.pose.bundle_adjustment import track
from unigs.prepare.pose.contour import Contour
from unigs.prepare.pose.linear_points import LinearPoints
from unigs.prepare.pose.normal_equations import joint_normals
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz

FEWEST_LANDMARKS = 6
"""Landmarks on the rigid face that a pose needs."""
EXPRESSION_STD = 0.5
"""Spread of the mean expression's coefficients where the file gives none."""
REACH = 0.012
"""Meters from a vertex within which a landmark of the mesh is taken to lie on the model."""
FRAMES_WORTH = 1.0, 5.0
"""Frames that a clip's observations count as against the prior of the coefficients, with few
landmarks and with the whole rigid face: all frames see one person, so their errors are shared."""


@dataclass(frozen=True)
class Person:
    """What is known of one person and some frames."""

    coefficients: np.ndarray
    """Coefficients [S+E] in standard deviations."""
    poses: Poses
    """Poses of T frames."""


class MorphableModel:
    """A PCA face with landmarks and perhaps a jaw.

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
        if not Path(path).is_file():
            raise UserError(
                f"there is no face model {path}: correct pose.model; unigs models convert writes "
                "one, and the back-end landmarks needs none."
            )
        data = load_npz(Path(path), "mean", "shape", "shape_std", "vertices")
        self.path, mean, count = path, data["mean"], data["mean"].size
        expression = data.get("expression", np.zeros((count, 0), np.float32))
        spread = data.get("expression_std", np.full(expression.shape[-1], np.nan))
        vertices, landmarks = data["vertices"].astype(int), self._landmarks(data)
        sides = [data.get(f"{side}_contour", np.zeros(0)).astype(int) for side in ("right", "left")]
        fits = (
            mean.ndim == 2 and mean.shape[1] == 3
            and data["shape"].ndim == expression.ndim == 2
            and data["shape"].shape[0] == expression.shape[0] == count
            and data["shape_std"].shape == data["shape"].shape[1:]
            and spread.shape == expression.shape[1:]
            and vertices.shape == landmarks.shape and vertices.size > 0
            and all(a.ndim == 1 and (a >= 0).all() and (a < len(mean)).all()
                    for a in (vertices, *sides))
            and 0 <= landmarks.min() and landmarks.max() < mesh.VERTICES
        )  # fmt: skip
        if not fits:
            raise UserError(
                f"the arrays of {path} do not fit each other: unigs models convert writes such a "
                "file, unigs/prepare/pose/morphable_model.py says what it holds."
            )
        still = ~np.isin(landmarks, _moving_landmarks())
        if still.sum() < FEWEST_LANDMARKS:
            raise UserError(
                f"{path} maps {still.sum()} landmarks off lips, lids and brows, a pose needs "
                f"{FEWEST_LANDMARKS}: extend its vertices and landmarks."
            )
        self.landmarks, self.vertices = landmarks[still], vertices[still]
        # iBUG's points lie next to points of the mesh, not on them.
        self.exact = "landmarks" in data
        spread = np.where(np.isfinite(spread), spread, EXPRESSION_STD)
        directions = np.concatenate([data["shape"], expression], 1).reshape(len(mean), 3, -1)
        self.surface = LinearPoints(mean, directions, np.concatenate([data["shape_std"], spread]))
        self.contour = Contour(*(self.surface[side] for side in sides))

    def rigid_face(
        self, guess: np.ndarray, meshes: np.ndarray, camera: Camera, robust: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rigid landmarks of the mesh on this model, fitted to one person.

        A few landmarks that the file maps give a first fit; the mean mesh of the clip, laid onto
        it, says where on the surface the other rigid landmarks lie; a second fit uses all of them.

        Args:
            guess: average face [468,3].
            meshes: landmarks [T,468,3] of sampled frames.
            camera: known intrinsics.
            robust: residual in pixels beyond which a landmark loses weight.

        Returns:
            Landmark numbers [P] and positions [P,3] in meters.

        Raises:
            UserError: the model does not cover the rigid part of the face.
        """
        jaw = meshes[:, self.contour.landmarks, :2]
        few = self.surface[self.vertices]
        poses = rough_poses(few.mean, meshes[:, self.landmarks], camera)
        first = Person(np.zeros(len(few.std)), poses)
        person = self.fit(
            few, meshes[:, self.landmarks, :2], jaw, first, camera,
            robust=robust, worth=FRAMES_WORTH[0],
        )  # fmt: skip
        fitted = few.at(person.coefficients)
        scale, R, shift = similarity(guess[self.landmarks], fitted)
        laid = scale * guess @ R.T + shift
        if self.exact:
            laid[self.landmarks] = fitted
        index = np.array(mesh.RIGID)
        rigid, away = self.surface.nearest(laid[index], person.coefficients)
        near = away <= REACH
        if near.sum() < FEWEST_LANDMARKS:
            raise UserError(
                f"{self.path} covers {near.sum()} of the rigid landmarks of the face, a pose needs "
                f"{FEWEST_LANDMARKS}: choose a model of the whole face."
            )
        index, rigid = index[near], rigid[near]
        person = self.fit(
            rigid, meshes[:, index, :2], jaw, person, camera, robust=robust, worth=FRAMES_WORTH[1]
        )
        return index, rigid.at(person.coefficients)

    def fit(
        self, rigid: LinearPoints, pixels: np.ndarray, jaw: np.ndarray, start: Person,
        camera: Camera, *, robust: float, worth: float, rounds: int = 20,
    ) -> Person:  # fmt: skip
        """Coefficients and poses of one person, from independent frames.

        Gauss-Newton on coefficients and poses together (maximum a posteriori): coefficients have a
        standard normal prior, landmarks a standard deviation of `robust`. Before each step the
        jaw's landmarks are given the vertices of the contour that lie next to them now.

        Args:
            rigid: points of the model that have landmarks, P of them.
            pixels: their landmarks [T,P,2], NaN where missing.
            jaw: landmarks [T,16,2] of the jaw, in the order of `Contour.landmarks`.
            start: first guess.
            camera: known intrinsics.
            robust: residual in pixels beyond which a landmark loses weight.
            worth: frames that all observations count as.
            rounds: steps.
        """
        points, coefficients, poses = (
            rigid.joined(self.contour.points),
            start.coefficients,
            start.poses,
        )
        alone = np.ones(len(pixels), bool)
        J = points.directions.astype(np.float64) * points.std / SHAPE_UNIT
        for _ in range(rounds):
            now = points.at(coefficients)
            seen = self.contour.observe(now[len(rigid) :], jaw, poses, camera)
            marks = np.concatenate([pixels, seen], 1)
            poses = track(now, marks, poses, camera, robust=robust, smooth=0, starts=alone, steps=3)
            H, gradient = _reduced(*joint_normals(now, marks, poses, camera, robust), J)
            share = worth / len(pixels) / robust**2
            right = share * gradient + coefficients
            coefficients = coefficients - np.linalg.solve(share * H + np.eye(len(H)), right)
        return Person(coefficients, poses)

    def _landmarks(self, data: dict[str, np.ndarray]) -> np.ndarray:
        """Face-mesh numbers [L] of the landmarks.

        Raises:
            UserError: the file gives none, or iBUG's numbers beyond 68.
        """
        if "landmarks" in data:
            return data["landmarks"].astype(int)
        numbers = data.get("ibug", np.zeros(1)).astype(int)
        if not numbers.size or numbers.min() < 1 or numbers.max() > len(mesh.IBUG68):
            raise UserError(
                f"{self.path} lacks landmarks, or ibug with numbers from 1 to 68: unigs models "
                "convert writes such a file."
            )
        return np.array(mesh.IBUG68)[numbers - 1]


def _reduced(
    U: np.ndarray, g_pose: np.ndarray, W: np.ndarray, V: np.ndarray, g_point: np.ndarray,
    J: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Normal equations [K,K] and gradient [K] of the coefficients, the poses eliminated.

    With the poses held instead, a face that is too flat and poses that turn too far would keep each
    other in place for hundreds of rounds.

    Args:
        U: of the poses; the first five as of `joint_normals`.
        g_pose: gradient of the poses.
        W: between poses and points.
        V: of the points.
        g_point: gradient of the points.
        J: motion [P,3,K] of the points for one deviation of each coefficient, in `SHAPE_UNIT`.
    """
    count = J.shape[-1]
    flat = np.swapaxes(J, 0, 1).reshape(-1, count)
    # One product instead of a stack of small ones: ten times as fast.
    mixed = (W.reshape(6 * len(U), -1) @ flat).reshape(len(U), 6, count)
    H = np.einsum("pia,pij,pjb->ab", J, V, J, optimize=True)
    gradient = np.einsum("pia,pi->a", J, g_point)
    solved = np.linalg.solve(U + 1e-9 * np.eye(6), np.concatenate([mixed, g_pose], 2))
    across = mixed.reshape(-1, count).T @ solved.reshape(-1, count + 1)
    return H - across[:, :-1], gradient - across[:, -1]


def _moving_landmarks() -> list[int]:
    """Landmarks on lips, lids (not the corners of the eyes) and brows: they move on the skull."""
    corners = {*mesh.RIGHT_EYE_CORNERS, *mesh.LEFT_EYE_CORNERS}
    moving = {*mesh.LIPS, *mesh.RIGHT_EYE, *mesh.LEFT_EYE, *mesh.RIGHT_BROW, *mesh.LEFT_BROW}
    return sorted(moving - corners)
