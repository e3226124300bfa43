"""Rotations against scipy's."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from tests.support.portraits import rotations
from unigs.geometry.rotations import (
    mean_rotation,
    quaternion,
    quaternion_product,
    rotate,
    rotation_matrix,
    rotation_vector,
)


def turns(count: int, limit: float, seed: int = 0) -> Rotation:
    """Rotations about random axes, by angles up to a limit."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    angles = np.linspace(1e-6, limit, count)[:, None]
    return Rotation.from_rotvec(vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * angles)


def test_vectors_and_matrices():
    wanted = turns(40, 3.0)
    vectors = torch.from_numpy(wanted.as_rotvec())
    matrices = torch.from_numpy(wanted.as_matrix())
    torch.testing.assert_close(rotation_matrix(vectors), matrices, atol=1e-7, rtol=0)
    torch.testing.assert_close(rotation_vector(matrices), vectors, atol=1e-7, rtol=0)


def test_no_rotation_has_a_gradient():
    still = torch.zeros(3, requires_grad=True)
    rotation_matrix(still)[0, 1].backward()
    assert still.grad.tolist() == [0, 0, -1]


def test_quaternions():
    a, b = turns(1, 1.2, 1), turns(5, 1.0, 2)
    q = quaternion(torch.from_numpy(a.as_matrix())[0])
    np.testing.assert_allclose(q, a.as_quat(scalar_first=True)[0], atol=1e-7)
    others = torch.from_numpy(b.as_quat(scalar_first=True))
    product = quaternion_product(q, others).numpy()
    expected = (a * b).as_quat(scalar_first=True)
    np.testing.assert_allclose(np.abs((product * expected).sum(1)), 1, atol=1e-12)
    vectors = torch.randn(5, 3, dtype=torch.float64)
    # Of any length.
    torch.testing.assert_close(rotate(3 * others, vectors), torch.from_numpy(b.apply(vectors)))


def test_the_mean_of_rotations_about_one_axis_is_about_it():
    R = torch.from_numpy(Rotation.from_euler("y", [[-20], [10], [40]], degrees=True).as_matrix())
    mean = Rotation.from_matrix(mean_rotation(R).numpy())
    np.testing.assert_allclose(mean.as_euler("yxz", degrees=True), [10, 0, 0], atol=1e-3)


def test_rotation_vector_agrees_with_scipy():
    R = rotations(40)
    expected = Rotation.from_matrix(R.numpy()).as_rotvec()
    np.testing.assert_allclose(rotation_vector(R).numpy(), expected, atol=2e-4)


def test_rotate_by_a_quarter_turn_about_z():
    quat = torch.tensor([[2**0.5, 0, 0, 2**0.5]])  # not normalized
    turned = rotate(quat, torch.tensor([[1.0, 0, 0]]))
    torch.testing.assert_close(turned, torch.tensor([[0.0, 1, 0]]))
