"""One rigid set of 3D points seen by a camera in many frames: shape and poses together.

Poses and pixels are those of `unigs.geometry.rigid`; observations that are missing hold NaN.

Gauss-Newton with the pseudo-Huber weights of robust bundle adjustment (Triggs et al., "Bundle
adjustment: a modern synthesis", 1999, sections 4 and 6.1): the shape is solved for on the Schur
complement of the poses; the poses of a long clip are then solved for with the shape held, where
the normal equations are block banded because smoothness ties a frame to its neighbors alone.
"""

from __future__ import annotations

import numpy as np

from unigs.geometry.rigid import POSE_UNITS, SHAPE_UNIT, Camera, Poses, project, rotation_vector
from unigs.prepare.pose.normal_equations import (
    frame_normals,
    joint_normals,
    point_normals,
    residuals,
)
from unigs.prepare.pose.smoothness import Smoothness


def reprojection(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera
) -> np.ndarray:
    """Root mean square reprojection error per frame [T], pixels; NaN where nothing was observed."""
    square = ((project(points, poses, camera) - pixels) ** 2).sum(-1)
    seen = np.isfinite(square)
    count = seen.sum(1)
    total = np.where(seen, square, 0).sum(1)
    return np.where(count > 0, np.sqrt(total / np.maximum(count, 1)), np.nan)


def _cost(e: np.ndarray, seen: np.ndarray, robust: float) -> float:
    """Pseudo-Huber cost in squared pixels of residuals [T,2,P], summed over observations."""
    square = e[:, 0] ** 2 + e[:, 1] ** 2
    return float((robust**2 * (np.sqrt(1 + square / robust**2) - 1))[seen].sum())


def adjust_shape(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera,
    *, robust: float, prior: float, steps: int = 12,
) -> tuple[np.ndarray, Poses]:  # fmt: skip
    """Fit the rigid points and the poses of independent frames together.

    Args:
        points: [P,3] meters, the first guess, which is also the prior and fixes the gauge.
        pixels: [T,P,2] observations, NaN where missing.
        poses: first guess of T poses.
        camera: known intrinsics.
        robust: residual in pixels beyond which an observation loses weight.
        prior: cost of moving a point by 1 cm, in squared pixels per observing frame.
        steps: Levenberg-Marquardt steps at most.

    Returns:
        Points [P,3] in meters, and poses.
    """
    start = points
    pull = prior * np.isfinite(pixels[..., 0]).sum(0).max() * (SHAPE_UNIT / 0.01) ** 2

    def total(candidate: np.ndarray, at: Poses) -> float:
        e, w = residuals(candidate, pixels, at, camera, robust)
        drift = (candidate - start) / SHAPE_UNIT
        return _cost(e, w > 0, robust) + 0.5 * pull * float((drift**2).sum())

    damping, best, normals = 1e-3, total(points, poses), None
    for _ in range(steps):
        if normals is None:  # a step that was refused leaves them as they are
            normals = joint_normals(points, pixels, poses, camera, robust)
        drift = (points - start) / SHAPE_UNIT
        d_point, d_pose = _joint_step(*normals, damping=damping, pull=pull, drift=drift)
        new_points, new_poses = points + d_point * SHAPE_UNIT, poses.moved(d_pose)
        now = total(new_points, new_poses)
        if now < best:
            gain, best, points, poses, normals = best - now, now, new_points, new_poses, None
            damping = max(damping * 0.2, 1e-7)
            if gain < 1e-5 * best:
                break
        else:
            damping *= 10
    return points, poses


def _joint_step(
    U: np.ndarray, g_pose: np.ndarray, W: np.ndarray, V: np.ndarray, g_point: np.ndarray,
    *, damping: float, pull: float, drift: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Steps of the points [P,3] and of the poses [T,6] in their units.

    Args:
        U: of the poses; all five as of `joint_normals`.
        g_pose: gradient of the poses.
        W: between poses and points.
        V: of the points.
        g_point: gradient of the points.
        damping: share of the mean of a block's diagonal that is added to it.
        pull: weight of the prior.
        drift: how far the points are from the prior [P,3], in `SHAPE_UNIT`.
    """
    count = len(V)
    U = U + (damping * np.trace(U, axis1=1, axis2=2)[:, None, None] / 6 + 1e-9) * np.eye(6)
    V = V + (damping * np.trace(V, axis1=1, axis2=2)[:, None, None] / 3 + pull) * np.eye(3)
    # With U = L L^T and Y = L^-1 W the complement is V - Y^T Y: half the work of W^T U^-1 W.
    half = np.linalg.inv(np.linalg.cholesky(U))
    # Six times as fast as the matrix product of such a stack.
    Y = np.einsum("tij,tjp->tip", half, W.reshape(len(U), 6, -1)).reshape(-1, 3 * count)
    y = (half @ g_pose).reshape(-1)
    S = np.zeros((3, count, 3, count))
    S[:, np.arange(count), :, np.arange(count)] = V
    S = S.reshape(3 * count, -1) - Y.T @ Y
    d_point = -np.linalg.solve(S, (g_point + pull * drift).T.reshape(-1) - Y.T @ y)
    d_pose = -np.swapaxes(half, 1, 2) @ (y + Y @ d_point).reshape(-1, 6, 1)
    return d_point.reshape(3, -1).T, d_pose[..., 0]


def track(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera,
    *, robust: float, smooth: float, starts: np.ndarray, steps: int = 10,
) -> Poses:  # fmt: skip
    """Fit the poses of consecutive frames to a known shape, smoothly between jump cuts.

    The cost of a frame is the mean robust squared residual over its points (in squared pixels)
    plus `smooth` times the squared second difference of its motion in `POSE_UNITS`. Frames
    without observations follow from their neighbors alone.

    Args:
        points: [P,3] meters.
        pixels: [T,P,2], NaN where missing; every run between two starts needs one seen frame.
        poses: first guess of all T poses (missing frames: interpolated).
        camera: known intrinsics.
        robust: residual in pixels beyond which an observation loses weight.
        smooth: weight of the second difference; 0 leaves the frames independent.
        starts: [T] bool, True on the first frame after a jump cut.
        steps: Gauss-Newton steps at most.
    """
    ties = Smoothness(starts, np.isfinite(pixels[..., 0]).any(1))
    smooth = max(smooth, 1e-6)  # frames without observations need some tie to the others
    for _ in range(steps):
        blocks, gradient = frame_normals(points, pixels, poses, camera, robust)
        gradient += smooth * ties.gradient(_velocities(poses))
        step = -ties.solve(blocks, gradient, smooth)
        # A long step would leave the region where the derivatives hold.
        step *= np.minimum(1, 30 / np.maximum(np.abs(step).max(1, keepdims=True), 1e-9))
        poses = poses.moved(step)
        if np.abs(step).max() < 1e-3:
            break
    return poses


def _velocities(poses: Poses) -> np.ndarray:
    """Motion from each frame to the next, [T-1,6] in `POSE_UNITS`."""
    turn = rotation_vector(poses.R[1:] @ np.swapaxes(poses.R[:-1], 1, 2))
    return np.concatenate([turn, np.diff(poses.t, axis=0)], 1) / POSE_UNITS


def triangulate(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera,
    *, robust: float, prior: float, steps: int = 15,
) -> np.ndarray:  # fmt: skip
    """Robust least-squares position of each point, with the poses fixed.

    For points that move on the head (lips, lids) this is their robust mean position.

    Args:
        points: [P,3] meters, first guess and prior.
        pixels: [T,P,2], NaN where missing.
        poses: T poses.
        camera: known intrinsics.
        robust: residual in pixels beyond which an observation loses weight.
        prior: cost of moving a point by 1 cm, in squared pixels per observing frame.
        steps: Gauss-Newton steps.
    """
    start, points, left = points, points.copy(), np.arange(len(points))
    pull = prior * np.isfinite(pixels[..., 0]).sum(0)[:, None] * (SHAPE_UNIT / 0.01) ** 2
    for _ in range(steps):
        V, gradient = point_normals(points[left], pixels[:, left], poses, camera, robust)
        V += (pull[left, :, None] + 1e-9) * np.eye(3)
        gradient += pull[left] * (points[left] - start[left]) / SHAPE_UNIT
        step = -np.linalg.solve(V, gradient[..., None])[..., 0]
        step *= np.minimum(1, 10 / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9))
        points[left] += step * SHAPE_UNIT
        left = left[np.abs(step).max(1) >= 1e-3]  # no point depends on another
        if not len(left):
            break
    return points
