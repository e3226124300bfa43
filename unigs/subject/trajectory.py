"""Poses in time, and the poses between two frames.

The head moves rigidly, so its rotations are interpolated on the sphere. The torso's frame is a
rotation times a small affine map of the image plane (`unigs.prepare.body.track`), so its matrices
are interpolated entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from unigs.subject.series import interpolate


@dataclass(frozen=True)
class Trajectory:
    """Poses of T frames, camera = R x + t."""

    R: np.ndarray
    """Matrices [T,3,3]."""
    t: np.ndarray
    """Translations [T,3], meters."""

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, frames: np.ndarray | slice) -> Self:
        """Poses of some frames, given as indices, a mask or a slice."""
        return type(self)(self.R[frames], self.t[frames])

    @property
    def known(self) -> np.ndarray:
        """Frames that have a pose, bool [T]."""
        return np.isfinite(self.t).all(axis=1)


class RigidTrajectory(Trajectory):
    """Poses with orthonormal R: the head's."""

    def at(self, positions: np.ndarray) -> RigidTrajectory:
        """Poses at positions [m] in [0, T - 1], float32: rotations by Slerp, t linear."""
        # Imported here: stages that ask for no pose between frames need not load SciPy.
        from scipy.spatial.transform import Rotation, Slerp

        translation = interpolate(self.t, positions)
        if len(self) > 1:
            between = Slerp(np.arange(len(self)), Rotation.from_matrix(self.R))
            rotation = between(np.clip(positions, 0, len(self) - 1)).as_matrix()
        else:
            rotation = np.repeat(self.R, len(positions), 0)
        return RigidTrajectory(rotation.astype(np.float32), translation)


class AffineTrajectory(Trajectory):
    """Poses whose R is a rotation times a small affine map of the image plane: the torso's."""

    def at(self, positions: np.ndarray) -> AffineTrajectory:
        """Poses at positions [m] in [0, T - 1], float32, linear in every entry of R and t."""
        matrices = interpolate(self.R.reshape(-1, 9), positions).reshape(-1, 3, 3)
        return AffineTrajectory(matrices, interpolate(self.t, positions))
