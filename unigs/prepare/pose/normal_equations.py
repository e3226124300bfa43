"""Normal equations of poses and points from their residuals in the picture.

Arrays over points hold them last: a coordinate of all points is a plane in memory, and sums over
points or over frames run along it.
"""

from __future__ import annotations

import numpy as np

from unigs.geometry.rigid import POSE_UNITS, SHAPE_UNIT, Camera, Poses


def residuals(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera, robust: float
) -> tuple[np.ndarray, np.ndarray]:
    """Residuals [T,2,P], zero where missing, and robust weights [T,P], zero where missing."""
    seen = _turned(points, poses) + poses.t[:, :, None]
    e = camera.focal * seen[:, :2] / seen[:, 2:] + camera.center
    e -= np.swapaxes(pixels, 1, 2)
    known = np.isfinite(e[:, 0] + e[:, 1])
    if not known.all():
        e = np.where(known[:, None], e, 0)
    return e, known / np.sqrt(1 + (e[:, 0] ** 2 + e[:, 1] ** 2) / robust**2)


def joint_normals(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera, robust: float
) -> tuple[np.ndarray, ...]:
    """Normal equations of poses and points together, without prior and damping.

    Returns:
        U [T,6,6] and gradient [T,6,1] of the poses, W [T,6,3,P] between poses and points, V [P,3,3]
        and gradient [P,3] of the points.
    """
    e, w = residuals(points, pixels, poses, camera, robust)
    A, B = (make(points, poses, camera) for make in (_pose_derivatives, _point_derivatives))
    wA = w[:, None, None] * A
    rows = wA.reshape(len(e), 6, -1)
    U = rows @ np.swapaxes(A.reshape(rows.shape), 1, 2)
    W = wA[:, :, None, 0] * B[:, None, :, 0]
    W += wA[:, :, None, 1] * B[:, None, :, 1]
    return U, rows @ e.reshape(len(e), -1, 1), W, *_sums_over_frames(B, w, e)


def frame_normals(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera, robust: float,
    chunk: int = 500,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Normal equations of each frame's own pose: [T,6,6] and gradient [T,6].

    Works in chunks of frames, so that ten minutes of video do not need gigabytes of derivatives.
    """
    blocks, gradient = np.zeros((len(poses.t), 6, 6)), np.zeros((len(poses.t), 6))
    for first in range(0, len(poses.t), chunk):
        rows = slice(first, first + chunk)
        e, w = residuals(points, pixels[rows], poses[rows], camera, robust)
        w = w / np.maximum((w > 0).sum(1, keepdims=True), 1)
        A = _pose_derivatives(points, poses[rows], camera)
        wA = (w[:, None, None] * A).reshape(len(e), 6, -1)
        blocks[rows] = wA @ np.swapaxes(A.reshape(wA.shape), 1, 2)
        gradient[rows] = (wA @ e.reshape(len(e), -1, 1))[..., 0]
    return blocks, gradient


def point_normals(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera, robust: float
) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of each point's position: [P,3,3] and gradient [P,3], in `SHAPE_UNIT`."""
    e, w = residuals(points, pixels, poses, camera, robust)
    return _sums_over_frames(_point_derivatives(points, poses, camera), w, e)


def _sums_over_frames(B: np.ndarray, w: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of the points, V [P,3,3] and gradient [P,3], of derivatives [T,3,2,P]."""
    V, gradient = np.empty((3, 3, B.shape[-1])), np.empty((3, B.shape[-1]))
    for i in range(3):
        wB = w[:, None] * B[:, i]
        gradient[i] = np.einsum("tkp,tkp->p", wB, e)
        for j in range(i, 3):
            V[i, j] = V[j, i] = np.einsum("tkp,tkp->p", wB, B[:, j])
    return np.moveaxis(V, 2, 0).copy(), gradient.T.copy()


def _turned(points: np.ndarray, poses: Poses) -> np.ndarray:
    """Points [P,3] turned by every pose: [T,3,P], so that each coordinate is a plane."""
    return (poses.R.reshape(-1, 3) @ points.T).reshape(-1, 3, len(points))


def _pose_derivatives(points: np.ndarray, poses: Poses, camera: Camera) -> np.ndarray:
    """Derivatives of the pixels by the poses, [T,6,2,P], in units of `POSE_UNITS`.

    The rows of d(pixel)/d(x_cam) are (s, 0, a) and (0, s, b); a rotation on the left moves
    x_cam like omega x v, with v the turned point, which gives v x row.
    """
    v = _turned(points, poses)
    s, a, b = _depth_terms(v + poses.t[:, :, None], camera)
    vx, vy, vz = v[:, 0], v[:, 1], v[:, 2]
    J = np.zeros((len(v), 6, 2, len(points)))
    J[:, 0, 0], J[:, 1, 0], J[:, 2, 0] = vy * a, vz * s - vx * a, -vy * s
    J[:, 0, 1], J[:, 1, 1], J[:, 2, 1] = vy * b - vz * s, -vx * b, vx * s
    J[:, 3, 0], J[:, 5, 0], J[:, 4, 1], J[:, 5, 1] = s, a, s, b
    J *= POSE_UNITS[:, None, None]
    return J


def _point_derivatives(points: np.ndarray, poses: Poses, camera: Camera) -> np.ndarray:
    """Derivatives of the pixels by the points, [T,3,2,P], in units of `SHAPE_UNIT`."""
    s, a, b = _depth_terms(_turned(points, poses) + poses.t[:, :, None], camera)
    right, down, inward = np.moveaxis(SHAPE_UNIT * poses.R, 1, 0)[..., None]
    B = np.empty((len(s), 3, 2, len(points)))
    for axis in range(3):
        B[:, axis, 0] = s * right[:, axis] + a * inward[:, axis]
        B[:, axis, 1] = s * down[:, axis] + b * inward[:, axis]
    return B


def _depth_terms(seen: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale f/z and the two derivatives by depth -fx/z^2, -fy/z^2 of points [T,3,P]."""
    s = camera.focal / seen[:, 2]
    over = -s / seen[:, 2]
    return s, over * seen[:, 0], over * seen[:, 1]
