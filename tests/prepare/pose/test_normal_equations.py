"""Normal equations against those of a Jacobian by finite differences."""

import numpy as np
import pytest

from unigs.geometry.rigid import SHAPE_UNIT, Camera, Poses, project, rotation
from unigs.prepare.pose.normal_equations import (
    frame_normals,
    joint_normals,
    point_normals,
    residuals,
)

FRAMES, POINTS, STEP = 3, 5, 1e-4
CAMERA, ROBUST = Camera(512.0, 128.0), 1.5


@pytest.fixture
def scene():
    """Points, poses, and pixels that are off by some, with a frame and a point missing."""
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.05, (POINTS, 3))
    t = rng.normal(0, 0.02, (FRAMES, 3)) + [0, 0, 0.7]
    poses = Poses(rotation(rng.normal(0, 0.3, (FRAMES, 3))), t)
    pixels = project(points, poses, CAMERA) + rng.normal(0, 2, (FRAMES, POINTS, 2))
    pixels[1, 2] = np.nan
    return points, pixels, poses


def jacobian(points, poses):
    """d(pixels) [T,P,2] by all poses [T,6] and by all points [P,3], in their units."""

    def pixels(x):
        moved = poses.moved(x[: 6 * FRAMES].reshape(-1, 6))
        return project(points + SHAPE_UNIT * x[6 * FRAMES :].reshape(-1, 3), moved, CAMERA).ravel()

    ways = np.eye(6 * FRAMES + 3 * POINTS) * STEP
    return np.stack([(pixels(way) - pixels(-way)) / (2 * STEP) for way in ways], 1)


def test_normals_are_those_of_the_jacobian(scene):
    points, pixels, poses = scene
    e = project(points, poses, CAMERA) - pixels
    known = np.isfinite(e)
    e = np.where(known, e, 0)
    w = known[..., 0] / np.sqrt(1 + (e**2).sum(-1) / ROBUST**2)
    own_e, own_w = residuals(points, pixels, poses, CAMERA, ROBUST)
    np.testing.assert_allclose(np.swapaxes(own_e, 1, 2), e, atol=1e-9)
    np.testing.assert_allclose(own_w, w, atol=1e-12)

    J, weight = jacobian(points, poses), np.repeat(w.ravel(), 2)
    H, gradient = J.T @ (weight[:, None] * J), J.T @ (weight * e.ravel())
    U, g_pose, W, V, g_point = joint_normals(points, pixels, poses, CAMERA, ROBUST)
    near = {"rtol": 1e-5, "atol": 1e-5 * np.abs(H).max()}
    cut = 6 * FRAMES
    np.testing.assert_allclose(g_pose.ravel(), gradient[:cut], **near)
    np.testing.assert_allclose(g_point.ravel(), gradient[cut:], **near)
    for k in range(FRAMES):
        block = slice(6 * k, 6 * k + 6)
        np.testing.assert_allclose(U[k], H[block, block], **near)
        np.testing.assert_allclose(np.swapaxes(W[k], 1, 2).reshape(6, -1), H[block, cut:], **near)
    for k in range(POINTS):
        block = slice(cut + 3 * k, cut + 3 * k + 3)
        np.testing.assert_allclose(V[k], H[block, block], **near)
    for mine, theirs in zip(point_normals(*scene, CAMERA, ROBUST), (V, g_point), strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_frames_count_the_same_however_many_points_they_show(scene):
    U, g_pose, *_ = joint_normals(*scene, CAMERA, ROBUST)
    shown = np.isfinite(scene[1][..., 0]).sum(1)
    for chunk in (2, 500):
        blocks, gradient = frame_normals(*scene, CAMERA, ROBUST, chunk)
        np.testing.assert_allclose(blocks, U / shown[:, None, None])
        np.testing.assert_allclose(gradient, g_pose[..., 0] / shown[:, None])
