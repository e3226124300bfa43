"""Rigid motion and the pinhole camera: poses, rotations, projection.

Conventions: a frame's pose maps the head to the camera, `x_cam = R x + t` (OpenCV axes, meters);
pixels are `focal * x_cam[:2] / x_cam[2] + center`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POSE_UNITS = np.array([0.015, 0.015, 0.015, 0.0007, 0.0007, 0.004])
"""Units of rigid motion: rotation in radians, then x, y, z in meters. A face that is
0.6 m away in a 256-pixel image moves by about 0.6 pixels for one unit of x. Landmarks jitter
together rather than one by one, so x and y have the smallest units (docs/log.md)."""
SHAPE_UNIT = 0.001
"""Meters that count as one unit of a point's position."""


@dataclass(frozen=True)
class Camera:
    """A pinhole with square pixels and its principal point at the center."""

    focal: float
    """Focal length, pixels."""
    center: float
    """Principal point in x and in y, pixels."""


@dataclass
class Poses:
    """Poses of T frames, x_cam = R x + t."""

    R: np.ndarray
    """Rotations [T,3,3], orthonormal."""
    t: np.ndarray
    """Translations [T,3], meters."""

    def moved(self, step: np.ndarray) -> Poses:
        """Poses after steps [T,6] in units of `POSE_UNITS`: rotation on the left, then shift."""
        step = step * POSE_UNITS
        return Poses(rotation(step[:, :3]) @ self.R, self.t + step[:, 3:])

    def __getitem__(self, rows: np.ndarray | slice) -> Poses:
        return Poses(self.R[rows], self.t[rows])


def rotation(vectors: np.ndarray) -> np.ndarray:
    """Rotation vectors [...,3] in radians to matrices [...,3,3] (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    K = cross_matrix(vectors)
    # sin(a)/a and (1-cos(a))/a^2 without a division by zero.
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + first * K + second * (K @ K)


def rotation_vector(matrices: np.ndarray) -> np.ndarray:
    """Matrices [...,3,3] to rotation vectors [...,3], for angles below half a turn."""
    skew = matrices - np.swapaxes(matrices, -1, -2)
    axis = np.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1) / 2
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    cosine = (np.trace(matrices, axis1=-2, axis2=-1)[..., None] - 1) / 2
    angle = np.arctan2(sine, cosine)
    return axis * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 1.0)


def cross_matrix(vectors: np.ndarray) -> np.ndarray:
    """Matrices [...,3,3] that multiply like the cross product with vectors [...,3]."""
    out = np.zeros((*vectors.shape, 3))
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -z, y, -x
    out[..., 1, 0], out[..., 2, 0], out[..., 2, 1] = z, -y, x
    return out


def project(points: np.ndarray, poses: Poses, camera: Camera) -> np.ndarray:
    """Points [P,3] in the head frame to pixels [T,P,2]."""
    seen = points @ np.swapaxes(poses.R, 1, 2) + poses.t[:, None]
    return camera.focal * seen[..., :2] / seen[..., 2:] + camera.center
