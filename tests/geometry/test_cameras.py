"""Cameras: pixels, axes and the gradient to the pose."""

import math

import torch

from unigs.geometry.cameras import intrinsics, project, view_matrix


def turn(axis, angle):
    """Rotation about a coordinate axis by an angle in radians."""
    c, s = math.cos(angle), math.sin(angle)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    R = torch.eye(3)
    R[i, i], R[i, j], R[j, i], R[j, j] = c, -s, s, c
    return R


def test_a_point_on_the_axis_is_in_the_middle_of_the_image():
    K = intrinsics(500.0, 480)
    uv = project(torch.tensor([[0.0, 0.0, 2.0]]), torch.eye(3), torch.zeros(3), K)
    assert torch.allclose(uv, torch.tensor([[240.0, 240.0]]))


def test_x_is_right_and_y_is_down_by_the_focal_length_over_depth():
    K = intrinsics(500.0, (640, 480))
    uv = project(torch.tensor([[0.1, 0.2, 1.0]]), torch.eye(3), torch.tensor([0.0, 0.0, 1.0]), K)
    assert torch.allclose(uv, torch.tensor([[320.0 + 25.0, 240.0 + 50.0]]))


def test_view_matrix_moves_points_like_the_pose():
    R, t = turn(1, 0.3) @ turn(0, -0.2), torch.tensor([0.1, -0.2, 3.0])
    points = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    moved = torch.cat([points, torch.ones(7, 1)], dim=1) @ view_matrix(R, t).T
    assert torch.allclose(moved[:, :3], (R @ points.T).T + t, atol=1e-6)
    assert torch.allclose(moved[:, 3], torch.ones(7))


def test_leading_dimensions_are_kept():
    points = torch.rand(4, 5, 3) + torch.tensor([0.0, 0.0, 1.0])
    uv = project(points, turn(2, 0.1), torch.zeros(3), intrinsics(100.0, 64))
    assert uv.shape == (4, 5, 2)
    one = project(points[2, 3], turn(2, 0.1), torch.zeros(3), intrinsics(100.0, 64))
    assert torch.allclose(uv[2, 3], one)


def test_the_pose_receives_gradients_through_both_functions():
    pose = torch.cat([turn(0, 0.1).reshape(9), torch.tensor([0.0, 0.1, 2.0])]).double()
    points = torch.randn(3, 3, generator=torch.Generator().manual_seed(1)).double() * 0.1
    K = intrinsics(50.0, 32).double()

    def functional(pose):
        R, t = pose[:9].reshape(3, 3), pose[9:]
        return project(points, R, t, K).square().sum() + (view_matrix(R, t) ** 3).sum()

    pose.requires_grad_()
    (grad,) = torch.autograd.grad(functional(pose), pose)
    with torch.no_grad():
        steps = torch.eye(12).double() * 1e-5
        numeric = [(functional(pose + s) - functional(pose - s)) / 2e-5 for s in steps]
    assert torch.allclose(grad, torch.stack(numeric), rtol=1e-5, atol=1e-4)
