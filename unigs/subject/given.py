"""given/poses.npz: head poses that another system measured, before a face is fitted to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.stage.files import save_npz
from unigs.subject.checks import Array, read_arrays
from unigs.subject.trajectory import RigidTrajectory

POSES = {
    "R": Array(("T", 3, 3), gaps=True),
    "t": Array(("T", 3), gaps=True),
    "focal": Array(positive=True),
    "size": Array(kind="whole", positive=True),
    "backend": Array(kind="text"),
}


@dataclass(frozen=True)
class GivenPoses:
    """given/poses.npz of an imported subject."""

    head: RigidTrajectory
    """Head pose of every frame, float32; NaN in frames of which none is given."""
    focal: float
    """Focal length, pixels."""
    size: int
    """Side of the clip's frames, pixels."""
    backend: str
    """Name of what measured them."""

    def __len__(self) -> int:
        return len(self.head)

    @classmethod
    def read(cls, path: Path) -> GivenPoses:
        """Read the file.

        Raises:
            UserError: it is missing, damaged, or an array is not as specified.
        """
        data = read_arrays(path, POSES, "unigs import")
        R, t = (np.asarray(data[name], np.float32) for name in ("R", "t"))
        focal, size = float(data["focal"]), int(data["size"])
        return cls(RigidTrajectory(R, t), focal, size, str(data["backend"]))

    def write(self, path: Path) -> None:
        """Write the file as a whole or not at all."""
        save_npz(
            path,
            R=self.head.R.astype(np.float32),
            t=self.head.t.astype(np.float32),
            focal=np.float64(self.focal),
            size=np.int64(self.size),
            backend=self.backend,
        )
