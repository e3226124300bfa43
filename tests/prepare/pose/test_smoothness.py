"""Smooth motion against dense matrices."""

import numpy as np
import pytest

from unigs.prepare.pose.smoothness import HOLD, Smoothness, solve_block_tridiagonal

RNG = np.random.default_rng(0)


def spd(count: int, size: int) -> np.ndarray:
    """Symmetric positive definite matrices [count,size,size]."""
    A = RNG.normal(size=(count, size, size))
    return A @ np.swapaxes(A, 1, 2) + 0.1 * np.eye(size)


@pytest.mark.parametrize("count", range(1, 12))
def test_block_tridiagonal_systems_are_solved(count):
    own, right = spd(count, 3), RNG.normal(size=(count - 1, 3, 3))
    dense = np.zeros((count, 3, count, 3))
    for i in range(count):
        dense[i, :, i] = own[i] + 10 * np.eye(3)
    for i in range(count - 1):
        dense[i, :, i + 1], dense[i + 1, :, i] = right[i], right[i].T
    dense, side = dense.reshape(3 * count, -1), RNG.normal(size=(count, 3))
    got = solve_block_tridiagonal(own + 10 * np.eye(3), right, side)
    np.testing.assert_allclose(got.ravel(), np.linalg.solve(dense, side.ravel()), atol=1e-9)


@pytest.mark.parametrize("count", [2, 3, 8, 13])
@pytest.mark.parametrize("cuts", [(), (2,), range(30)])
def test_the_penalty_is_that_of_changes_of_velocity(count, cuts):
    starts = np.isin(np.arange(count), cuts)
    seen = RNG.random(count) > 0.3
    ties, weight = Smoothness(starts, seen), 0.7
    pairs = np.flatnonzero(~starts[1:])
    velocity = np.diff(np.eye(count), axis=0)
    rows = [velocity[k + 1] - velocity[k] for k in pairs if k + 1 in pairs]
    rows += [HOLD * velocity[k] for k in pairs if not (seen[k] and seen[k + 1])]
    form = np.zeros((count, count)) + sum(np.outer(row, row) for row in rows)

    poses = RNG.normal(size=(count, 6))
    np.testing.assert_allclose(ties.gradient(np.diff(poses, axis=0)), form @ poses, atol=1e-12)
    bands = sum(np.diag(d, k) + np.diag(d, -k) * (k > 0) for k, d in enumerate(ties.diagonals()))
    np.testing.assert_allclose(bands, form, atol=1e-12)
    blocks = spd(count, 6)
    system = weight * np.kron(form, np.eye(6))
    for k, block in enumerate(blocks):
        system[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] += block
    expected = np.linalg.solve(system, poses.ravel()).reshape(-1, 6)
    np.testing.assert_allclose(ties.solve(blocks, poses, weight), expected, atol=1e-9)
