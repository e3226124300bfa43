"""One rigid set of 3D points seen by a camera in many frames: shape and poses together.

Conventions: a frame's pose maps the head to the camera, `x_cam = R x + t` (OpenCV axes, metres);
pixels are `focal * x_cam[:2] / x_cam[2] + centre`. Observations that are missing hold NaN.

Gauss-Newton with the pseudo-Huber weights of robust bundle adjustment (Triggs et al., "Bundle
adjustment: a modern synthesis", 1999, sections 4 and 6.1): the shape is solved for on the Schur
complement of the poses; the poses of a long clip are then solved for with the shape held, where
the normal equations are block banded because smoothness ties a frame only to its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

POSE_UNITS = np.array([0.01, 0.01, 0.01, 0.001, 0.001, 0.004])
"""What counts as one unit of motion: rotation in radians, then x, y, z in metres."""
SHAPE_UNIT = 0.001
"""Metres; both units only scale the unknowns, so that damping acts alike on all of them."""


@dataclass(frozen=True)
class Camera:
    """A pinhole with square pixels and its principal point at the centre."""

    focal: float
    centre: float


@dataclass
class Poses:
    """Poses of T frames: R [T,3,3] orthonormal, t [T,3] metres."""

    R: np.ndarray
    t: np.ndarray

    def moved(self, step: np.ndarray) -> Poses:
        """Apply steps [T,6] in units of `POSE_UNITS`: rotation on the left, then shift."""
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
    return camera.focal * seen[..., :2] / seen[..., 2:] + camera.centre


def reprojection(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera
) -> np.ndarray:
    """Root mean square distance per frame, [T] pixels; NaN where nothing was observed."""
    square = ((project(points, poses, camera) - pixels) ** 2).sum(-1)
    seen = np.isfinite(square)
    count = seen.sum(1)
    total = np.where(seen, square, 0).sum(1)
    return np.where(count > 0, np.sqrt(total / np.maximum(count, 1)), np.nan)


def _linearise(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera, robust: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Residuals, robust weights and derivatives of every observation.

    Returns:
        e [T,P,2] residuals with NaN as zero, w [T,P] weights (zero where missing),
        J_pose [T,P,2,6] and J_point [T,P,2,3], in the units of this module.
    """
    turned = points @ np.swapaxes(poses.R, 1, 2)
    x, y, z = np.moveaxis(turned + poses.t[:, None], -1, 0)
    e = camera.focal * np.stack([x / z, y / z], -1) + camera.centre - pixels
    seen = np.isfinite(e).all(-1)
    e = np.where(seen[..., None], e, 0)
    w = seen / np.sqrt(1 + (e**2).sum(-1) / robust**2)
    d = np.zeros((*z.shape, 2, 3))
    d[..., 0, 0] = d[..., 1, 1] = camera.focal / z
    d[..., 0, 2], d[..., 1, 2] = -camera.focal * x / z**2, -camera.focal * y / z**2
    J_pose = np.concatenate([-d @ cross_matrix(turned), d], -1) * POSE_UNITS
    return e, w, J_pose, (d @ poses.R[:, None]) * SHAPE_UNIT


def _cost(e: np.ndarray, seen: np.ndarray, robust: float) -> float:
    """Pseudo-Huber cost in squared pixels, summed over observations."""
    return float((robust**2 * (np.sqrt(1 + (e**2).sum(-1) / robust**2) - 1))[seen].sum())


def adjust_shape(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera,
    *, robust: float, prior: float, steps: int = 12,
) -> tuple[np.ndarray, Poses]:  # fmt: skip
    """Fit the rigid points and the poses of independent frames together.

    Args:
        points: [P,3] metres, the first guess, which also is the prior and fixes the gauge.
        pixels: [T,P,2] observations, NaN where missing.
        poses: first guess of T poses.
        camera: known intrinsics.
        robust: residual in pixels beyond which an observation loses weight.
        prior: cost of moving a point by 1 cm, in squared pixels per observing frame.
        steps: Levenberg-Marquardt steps at most.

    Returns:
        points [P,3] and poses.
    """
    start, count = points, points.shape[0]
    pull = prior * np.isfinite(pixels[..., 0]).sum(0).max() * (SHAPE_UNIT / 0.01) ** 2

    def total(candidate: np.ndarray, at: Poses) -> float:
        e, w, _, _ = _linearise(candidate, pixels, at, camera, robust)
        drift = (candidate - start) / SHAPE_UNIT
        return _cost(e, w > 0, robust) + 0.5 * pull * float((drift**2).sum())

    damping, best = 1e-3, total(points, poses)
    for _ in range(steps):
        e, w, A, B = _linearise(points, pixels, poses, camera, robust)
        wA = (w[..., None, None] * A).reshape(*A.shape[:1], -1, 6)
        U = np.swapaxes(wA, 1, 2) @ A.reshape(wA.shape)
        U += (damping * np.trace(U, axis1=1, axis2=2)[:, None, None] / 6 + 1e-9) * np.eye(6)
        g_pose = np.einsum("tpki,tp,tpk->ti", A, w, e)
        W = np.einsum("tpki,tp,tpkj->tipj", A, w, B, optimize=True).reshape(len(e), 6, -1)
        V = np.einsum("tpki,tp,tpkj->pij", B, w, B, optimize=True)
        V += (damping * np.trace(V, axis1=1, axis2=2)[:, None, None] / 3 + pull) * np.eye(3)
        g_point = np.einsum("tpki,tp,tpk->pi", B, w, e) + pull * (points - start) / SHAPE_UNIT
        solved = np.linalg.solve(U, np.concatenate([W, g_pose[..., None]], -1))
        S = np.zeros((count, 3, count, 3))
        S[np.arange(count), :, np.arange(count)] = V
        flat = W.reshape(-1, 3 * count)
        S = S.reshape(3 * count, -1) - flat.T @ solved[..., :-1].reshape(flat.shape)
        right = g_point.reshape(-1) - np.einsum("tij,ti->j", W, solved[..., -1])
        d_point = -np.linalg.solve(S, right)
        d_pose = -solved[..., -1] - solved[..., :-1] @ d_point
        new_points = points + d_point.reshape(-1, 3) * SHAPE_UNIT
        new_poses = poses.moved(d_pose)
        now = total(new_points, new_poses)
        if now < best:
            gain, best, points, poses = best - now, now, new_points, new_poses
            damping = max(damping * 0.2, 1e-7)
            if gain < 1e-5 * best:
                break
        else:
            damping *= 10
    return points, poses


def track(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera,
    *, robust: float, smooth: float, starts: np.ndarray, steps: int = 10,
) -> Poses:  # fmt: skip
    """Fit the poses of consecutive frames to a known shape, smoothly between jump cuts.

    The cost of a frame is the mean robust squared residual over its points (in squared pixels)
    plus `smooth` times the squared second difference of its motion in `POSE_UNITS`. Frames
    without observations follow from their neighbours alone.

    Args:
        points: [P,3] metres.
        pixels: [T,P,2], NaN where missing; every run between two starts needs one seen frame.
        poses: first guess of all T poses (missing frames: interpolated).
        camera: known intrinsics.
        robust: residual in pixels beyond which an observation loses weight.
        smooth: weight of the second difference; 0 leaves the frames independent.
        starts: [T] bool, True on the first frame after a jump cut.
        steps: Gauss-Newton steps at most.
    """
    velocity, change = _smoothness(starts, np.isfinite(pixels[..., 0]).any(1))
    operator = (change @ velocity).tocsc()
    smooth = max(smooth, 1e-6)  # frames without observations need some tie to the others
    quadratic = sparse.kron(smooth * (operator.T @ operator), sparse.eye(6), format="csc")
    for _ in range(steps):
        blocks, gradient = _frame_normals(points, pixels, poses, camera, robust)
        gradient += smooth * (operator.T @ (change @ _velocities(poses)))
        system = (sparse.block_diag(blocks, format="csc") + quadratic).tocsc()
        # The system is banded already: any other order of the unknowns would only fill it in.
        factor = splu(system, permc_spec="NATURAL", options={"SymmetricMode": True})
        step = -factor.solve(gradient.reshape(-1)).reshape(-1, 6)
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


def _smoothness(
    starts: np.ndarray, seen: np.ndarray
) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
    """Matrices of the smoothness term: poses [T] to velocities [T-1], those to residuals.

    Residuals are the changes of velocity between cuts. Motion next to unseen frames is itself
    held down a little, else a gap at either end of the clip would run off in a straight line.
    """
    pairs = len(seen) - 1
    inside = ~starts[1:]  # pair i joins frames i and i+1
    velocity = sparse.diags([-1.0, 1.0], [0, 1], shape=(pairs, pairs + 1))
    bend = np.flatnonzero(inside[1:] & inside[:-1])
    hold = np.flatnonzero(inside & ~(seen[1:] & seen[:-1]))
    rows = np.arange(len(bend))
    values = np.concatenate([-np.ones(len(bend)), np.ones(len(bend)), np.full(len(hold), 0.1)])
    at = np.concatenate([rows, rows, len(bend) + np.arange(len(hold))])
    columns = np.concatenate([bend, bend + 1, hold])
    change = sparse.csc_matrix((values, (at, columns)), shape=(len(bend) + len(hold), pairs))
    return velocity.tocsc(), change


def _frame_normals(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera, robust: float,
    chunk: int = 500,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Normal equations of each frame's own pose: [T,6,6] and gradient [T,6].

    In chunks, so that ten minutes of video do not need gigabytes of derivatives.
    """
    blocks, gradient = np.zeros((len(poses.t), 6, 6)), np.zeros((len(poses.t), 6))
    for first in range(0, len(poses.t), chunk):
        rows = slice(first, first + chunk)
        e, w, A, _ = _linearise(points, pixels[rows], poses[rows], camera, robust)
        w = w / np.maximum((w > 0).sum(1, keepdims=True), 1)
        A, wA = A.reshape(len(e), -1, 6), (w[..., None, None] * A).reshape(len(e), -1, 6)
        blocks[rows] = np.swapaxes(wA, 1, 2) @ A
        gradient[rows] = np.einsum("tki,tk->ti", wA, e.reshape(len(e), -1))
    return blocks, gradient


def triangulate(
    points: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera,
    *, robust: float, prior: float, steps: int = 15,
) -> np.ndarray:  # fmt: skip
    """Place each point where its observations agree best, the poses held.

    For points that move on the head (lips, lids) this is their robust mean position.

    Args:
        points: [P,3] metres, first guess and prior.
        pixels: [T,P,2], NaN where missing.
        poses: T poses.
        camera: known intrinsics.
        robust: residual in pixels beyond which an observation loses weight.
        prior: cost of moving a point by 1 cm, in squared pixels per observing frame.
        steps: Gauss-Newton steps.
    """
    start = points
    pull = prior * np.isfinite(pixels[..., 0]).sum(0)[:, None] * (SHAPE_UNIT / 0.01) ** 2
    for _ in range(steps):
        e, w, _, B = _linearise(points, pixels, poses, camera, robust)
        V = np.einsum("tpki,tp,tpkj->pij", B, w, B, optimize=True)
        V += (pull[..., None] + 1e-9) * np.eye(3)
        gradient = np.einsum("tpki,tp,tpk->pi", B, w, e) + pull * (points - start) / SHAPE_UNIT
        step = -np.linalg.solve(V, gradient[..., None])[..., 0]
        step *= np.minimum(1, 10 / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9))
        points = points + step * SHAPE_UNIT
    return points
