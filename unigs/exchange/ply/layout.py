"""The .ply layout of 3D Gaussian splatting, which viewers and editors of Gaussians read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.stage.files import atomic

AXES = (
    "units are meters; frame of the head: x to the right of the picture, y down (up is -y), "
    "z away from the camera; the face looks towards -z"
)
"""What the header says of the axes."""
MEANING = (
    "opacity is a logit, scale_* are natural logarithms of standard deviations in meters, "
    "rot_* is a unit quaternion w x y z, color = 0.5 + harmonics"
)
"""What the header says of the numbers."""

SEVERAL = {"f_dc": 3, "scale": 3, "rot": 4}
"""Properties of several numbers, and how many."""


@dataclass(frozen=True)
class Rows:
    """N Gaussians with the numbers that the layout holds, float32."""

    means: np.ndarray
    """Centers [N,3], meters."""
    sh: np.ndarray
    """Coefficients of the spherical harmonics [N,K,3], K = (degree + 1)^2."""
    opacities: np.ndarray
    """Logits [N]."""
    log_scales: np.ndarray
    """Natural logarithms of the axes' lengths [N,3]."""
    quats: np.ndarray
    """Unit quaternions wxyz [N,4]."""

    def table(self) -> np.ndarray:
        """All numbers [N,17 + 3 (K - 1)] in the order of `names`; normals are zero."""
        count = len(self.means)
        # Channel by channel: all of red, then green, then blue.
        rest = self.sh[:, 1:].transpose(0, 2, 1).reshape(count, -1)
        normals = np.zeros((count, 3), np.float32)
        opacities = self.opacities[:, None]
        parts = (
            self.means, normals, self.sh[:, 0], rest, opacities, self.log_scales, self.quats,
        )  # fmt: skip
        return np.concatenate(parts, 1).astype("<f4")


def names(coefficients: int) -> list[str]:
    """Names of the properties in their order.

    Args:
        coefficients: of the spherical harmonics, K = (degree + 1)^2.
    """
    dc, scale, rot = ([f"{stem}_{k}" for k in range(n)] for stem, n in SEVERAL.items())
    rest = [f"f_rest_{k}" for k in range(3 * (coefficients - 1))]
    return ["x", "y", "z", "nx", "ny", "nz", *dc, *rest, "opacity", *scale, *rot]


def joined(layers: Iterable[Rows]) -> Rows:
    """The Gaussians of several layers, the front one first, as one.

    Args:
        layers: at least one; coefficients that one of them lacks become zeros.
    """
    layers = list(layers)
    largest = max(rows.sh.shape[1] for rows in layers)

    def padded(sh: np.ndarray) -> np.ndarray:
        return np.pad(sh, ((0, 0), (0, largest - sh.shape[1]), (0, 0)))

    return Rows(
        np.concatenate([rows.means for rows in layers]),
        np.concatenate([padded(rows.sh) for rows in layers]),
        np.concatenate([rows.opacities for rows in layers]),
        np.concatenate([rows.log_scales for rows in layers]),
        np.concatenate([rows.quats for rows in layers]),
    )


def write_ply(path: Path, rows: Rows, comments: Iterable[str]) -> None:
    """Write a binary little-endian .ply, as a whole or not at all.

    Args:
        path: file to write.
        rows: the Gaussians.
        comments: lines of the header beside those of `AXES` and `MEANING`; what is not ASCII is
            escaped.
    """
    table = rows.table()
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        *(f"comment {_line(text)}" for text in (AXES, MEANING, *comments)),
        f"element vertex {len(table)}",
        *(f"property float {name}" for name in names(rows.sh.shape[1])),
        "end_header",
    ]
    with atomic(path) as temporary:
        temporary.write_bytes(("\n".join(lines) + "\n").encode("ascii") + table.tobytes())


def _line(text: str) -> str:
    """A text that cannot end its line or the header."""
    line = " ".join(text.split()).replace("end_header", "end header")
    return line.encode("ascii", "backslashreplace").decode()
