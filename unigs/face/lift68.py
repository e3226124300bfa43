"""478 landmarks from 68: what the iBUG points say of the mesh, and a mean face for the rest.

The mean face is turned as the points are, then bent so that its 68 vertices lie where they are
seen. Lips, lids, brows, nose and jaw are seen; cheeks, forehead and irises follow their neighbors:
an iris rests in the middle of its eye. The jaw of the annotation is the outline of the picture,
not a place on the skin, so that cheeks slide when the head turns.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator

from unigs.face.mesh import IBUG68, POINTS

MEAN = Path(__file__).with_name("mean_mesh.safetensors")
"""The mean face [478,3], meters in the head's axes (tools/mean_mesh.py)."""
STEADY = tuple(range(17, 48))
"""iBUG points that turn with the head: brows, nose and eyes."""


def lift(points: np.ndarray) -> np.ndarray:
    """Landmarks of a face.

    Args:
        points: [68,2], px.

    Returns:
        float32 [478,3]; z in the scale of x, smaller is nearer to the camera.
    """
    mean, spread = _mean()
    seen = np.asarray(points, np.float64)
    own = mean[list(IBUG68)]
    steady = list(STEADY)
    turned, shift = turn_of(own[steady], seen[steady])
    placed = mean @ turned.T
    placed[:, :2] += shift
    placed[:, :2] += spread @ (seen - placed[list(IBUG68), :2])
    return placed.astype(np.float32)


def turn_of(shape: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scaled rotation [3,3] and shift [2] of a shape [P,3] that is seen at [P,2], far away."""
    basis = np.column_stack([shape, np.ones(len(shape))])
    affine = np.linalg.lstsq(basis, seen, rcond=None)[0].T  # [2,4]
    left, sizes, right = np.linalg.svd(affine[:, :3], full_matrices=False)
    rows = left @ right
    scale = sizes.mean()
    turned = scale * np.vstack([rows, np.cross(rows[0], rows[1])])
    shift = seen.mean(0) - (shape @ turned[:2].T).mean(0)
    return turned, shift


@functools.cache
def _mean() -> tuple[np.ndarray, np.ndarray]:
    """The mean face [478,3], and what displacements of the 68 do to all: [478,68]."""
    from safetensors.numpy import load_file

    mean = load_file(MEAN)["points"].astype(np.float64)
    flat = mean[:, :2] / 0.01  # centimeters
    sites = flat[list(IBUG68)]
    spread = RBFInterpolator(sites, np.eye(len(sites)), kernel="linear", degree=0)(flat)
    assert spread.shape == (POINTS, len(sites))
    return mean, spread
