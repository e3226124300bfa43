"""A part of the speaker: Gaussians in the rest pose with the coefficients that move them.

Rest pose: head frame (x right, y down, z away from the camera), millimeters, lids and lips shut.
"""

from dataclasses import dataclass, fields

import numpy as np

from unigs.sources.synthetic.shapes import frames


@dataclass
class Part:
    """Gaussians (rows) and how each follows the controls; every array has N rows."""

    means: np.ndarray
    """[N, 3] mm."""
    quats: np.ndarray
    """[N, 4] wxyz."""
    scales: np.ndarray
    """[N, 3] mm."""
    colors: np.ndarray
    """[N, 3] RGB in [0, 1]."""
    opacities: np.ndarray
    """[N]."""
    labels: np.ndarray
    """[N] uint8, see `unigs.subject.labels`."""
    opening: np.ndarray
    """[N, 3] mm per mm of lip opening."""
    widening: np.ndarray
    """[N, 3] mm per mm of mouth width."""
    lid: np.ndarray
    """[N, 2] mm in x, y from the shut to the open lid."""
    brow: np.ndarray
    """[N] mm downward per mm of brow raise (-1 on the brow)."""
    ride: np.ndarray
    """[N] offset in z, mm, from the front of the face that a Gaussian slides on; NaN: it does not
    slide."""
    eye: np.ndarray
    """[N] int8: -1 or +1 turns with the eyeball at x < 0 or x > 0; 0 with none."""
    body: np.ndarray
    """[N] 0 moves with the head .. 1 moves with the torso."""
    lag: np.ndarray
    """[N] 0 .. 1: share of the head's motion that arrives late (hanging hair)."""

    def __len__(self) -> int:
        """Number of Gaussians."""
        return len(self.means)

    def __getitem__(self, rows: np.ndarray) -> "Part":
        """The Gaussians of `rows` (indices, slice or mask)."""
        return Part(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def make_part(
    means: np.ndarray,
    normal: np.ndarray,
    size: np.ndarray | float | tuple,
    colors: np.ndarray | tuple,
    label: int,
    tangent: np.ndarray | None = None,
    opacity: float = 0.97,
    **motion: np.ndarray,
) -> Part:
    """Gaussians at `means` lying in the surface with `normal`; motions not named are zero.

    Args:
        means: [N, 3] mm.
        normal: [N, 3] outward unit normals, the thin axis of each Gaussian.
        size: standard deviations in mm: one number (flat disc), or (along tangent, across, thick).
        colors: [N, 3] or one RGB triple.
        label: region of the Gaussians, see `unigs.subject.labels`.
        tangent: [N, 3] long axis of strands.
        opacity: of every Gaussian.
        motion: any of the motion arrays of Part.
    """
    n = len(means)
    if np.ndim(size) == 1 and len(size) == 3:
        scales = np.broadcast_to(np.array(size, float), (n, 3))
    else:
        disc = np.broadcast_to(np.asarray(size, float), n)
        scales = np.column_stack([disc, disc, 0.35 * disc])
    still = {
        "opening": np.zeros((n, 3)),
        "widening": np.zeros((n, 3)),
        "lid": np.zeros((n, 2)),
        "brow": np.zeros(n),
        "ride": np.full(n, np.nan),
        "eye": np.zeros(n, np.int8),
        "body": np.zeros(n),
        "lag": np.zeros(n),
    }
    return Part(
        means=np.asarray(means, float),
        quats=frames(normal, tangent),
        scales=scales.copy(),
        colors=np.broadcast_to(np.asarray(colors, float), (n, 3)).copy(),
        opacities=np.full(n, opacity),
        labels=np.full(n, label, np.uint8),
        **(still | motion),
    )


def join(parts: list[Part]) -> Part:
    """All Gaussians of several parts, in order."""
    return Part(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Part)}
    )
