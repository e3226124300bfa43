"""Smooth motion between jump cuts: the penalty, and the linear systems that it ties together.

SciPy would solve these systems as well; loading its sparse matrices alone costs as much CPU time as
all systems of a clip.
"""

from __future__ import annotations

import numpy as np

HOLD = 0.1
"""Weight of the velocity beside unseen frames, against that of its changes."""


class Smoothness:
    """Sum of the squared changes of velocity of T poses, a quadratic form of the poses.

    Velocities are those from each frame to the next. Next to unseen frames they are lightly
    penalized too, else the poses of a gap at either end of the clip would drift away linearly.

    Args:
        starts: [T] bool, first frames after jump cuts: nothing ties them to the frame before.
        seen: [T] bool, frames with observations.
    """

    def __init__(self, starts: np.ndarray, seen: np.ndarray) -> None:
        self.count = len(starts)
        inside = ~starts[1:]  # pair i joins frames i and i+1
        self.bends = np.flatnonzero(inside[1:] & inside[:-1])
        self.holds = np.flatnonzero(inside & ~(seen[1:] & seen[:-1]))

    def gradient(self, velocities: np.ndarray) -> np.ndarray:
        """Half the penalty's derivative by the poses [T,6], from velocities [T-1,6]."""
        change = velocities[self.bends + 1] - velocities[self.bends]
        by_velocity = np.zeros_like(velocities)
        by_velocity[self.bends + 1] += change
        by_velocity[self.bends] -= change
        by_velocity[self.holds] += HOLD**2 * velocities[self.holds]
        none = np.zeros((1, velocities.shape[1]))
        return np.concatenate([none, by_velocity]) - np.concatenate([by_velocity, none])

    def diagonals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The form's matrix over poses: its diagonal [T] and the two above [T-1] and [T-2]."""
        # Velocity i stands at i + 1, with one that is always free at either end.
        own, following = np.zeros(self.count + 1), np.zeros(self.count + 1)
        own[self.bends + 1] += 1
        own[self.bends + 2] += 1
        own[self.holds + 1] += HOLD**2
        following[self.bends + 1] = -1
        return (
            own[:-1] + own[1:] - 2 * following[:-1],
            following[:-2] + following[1:-1] - own[1:-1],
            -following[1:-2],
        )

    def solve(self, blocks: np.ndarray, gradient: np.ndarray, weight: float) -> np.ndarray:
        """Solve (blocks + weight times the form) x = gradient for x [T,6].

        Args:
            blocks: symmetric positive definite [T,6,6], of each pose alone.
            gradient: right side [T,6].
            weight: of the form.
        """
        if not len(self.bends) and not len(self.holds):
            return np.linalg.solve(blocks, gradient[..., None])[..., 0]
        # Two frames make one unknown, so that it is tied to the next and the one before alone.
        pairs, one = -(-self.count // 2), np.eye(6)
        own = np.zeros((pairs, 2, 6, 2, 6))
        own[:, 1, :, 1] = one  # where the number of frames is odd
        right = np.zeros((pairs, 2, 6, 2, 6))
        sides = np.zeros((pairs, 2, 6))
        first, second, third = (
            weight * np.append(d, np.zeros(2 * pairs - len(d)))[:, None, None] * one
            for d in self.diagonals()
        )
        even, odd = slice(0, None, 2), slice(1, None, 2)
        own[:, 0, :, 0] = blocks[even] + first[: self.count][even]
        own[: self.count // 2, 1, :, 1] = blocks[odd] + first[: self.count][odd]
        own[:, 0, :, 1] = own[:, 1, :, 0] = second[even]
        right[:, 1, :, 0] = second[odd]
        right[:, 0, :, 0], right[:, 1, :, 1] = third[even], third[odd]
        sides[:, 0], sides[: self.count // 2, 1] = gradient[even], gradient[odd]
        return solve_block_tridiagonal(
            own.reshape(-1, 12, 12), right[:-1].reshape(-1, 12, 12), sides.reshape(-1, 12)
        ).reshape(-1, 6)[: self.count]


def solve_block_tridiagonal(own: np.ndarray, right: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Solve a symmetric positive definite block tridiagonal system by cyclic reduction.

    Every second unknown is expressed by its two neighbors, all at once; what is left is a system of
    the same kind and half the size (Golub and Van Loan, "Matrix computations", section 4.5.4).

    Args:
        own: blocks on the diagonal [N,M,M].
        right: blocks beside them [N-1,M,M], of unknowns i and i + 1.
        sides: right side [N,M].

    Returns:
        The unknowns [N,M].
    """
    count, size = sides.shape
    if count == 1:
        return np.linalg.solve(own, sides[..., None])[..., 0]
    gone = count // 2
    before, after = right[0::2], right[1::2]
    if len(after) < gone:  # the last one has no neighbor behind it
        after = np.concatenate([after, np.zeros((1, size, size))])
    terms = np.concatenate([np.swapaxes(before, 1, 2), after, sides[1::2, :, None]], 2)
    terms = np.linalg.solve(own[1::2], terms)
    from_before, from_after, rest = np.split(terms, [size, 2 * size], axis=2)

    own, sides = own[0::2].copy(), sides[0::2].copy()
    own[:gone] -= before @ from_before
    sides[:gone] -= (before @ rest)[..., 0]
    behind, turned = len(own) - 1, np.swapaxes(after, 1, 2)
    own[1:] -= (turned @ from_after)[:behind]
    sides[1:] -= (turned @ rest)[:behind, :, 0]
    kept = solve_block_tridiagonal(own, -(before @ from_after)[:behind], sides)

    unknowns = np.empty((count, size))
    unknowns[0::2], unknowns[1::2] = kept, rest[..., 0]
    unknowns[1::2] -= (from_before @ kept[:gone, :, None])[..., 0]
    unknowns[1 : 2 * behind : 2] -= (from_after[:behind] @ kept[1:, :, None])[..., 0]
    return unknowns
