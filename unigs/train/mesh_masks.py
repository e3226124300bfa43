"""Masks of the face mesh, bare skin and closed face, and the least size of the skin's Gaussians.

Skin is smooth. What a field has of fine detail there is the grain of the camera, learned by heart:
in the next angle it is scratches and dots.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from unigs.face.mesh import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE, VERTICES
from unigs.subject.dataset import Dataset
from unigs.subject.labels import HAIR
from unigs.subject.series import evenly_spaced

FEATURES = (*RIGHT_EYE, *LEFT_EYE, *RIGHT_BROW, *LEFT_BROW, *LIPS)
"""Vertices of eyes, brows and lips, whose lashes, hairs and teeth are thin and small."""
FEATURE_MARGIN = 0.006
"""Distance from the vertices of a feature within which a vertex belongs to it, meters."""
HAIR_SHARE = 0.5
"""Share of the training frames that show hair at a place of the mesh, from which on it is hair's:
strands are needles."""
SMALLEST = 1.25
"""Least standard deviation of a Gaussian in the skin along each of its axes, pixels."""
SAMPLE = 64
"""Training frames whose labels say where hair hangs before the mesh."""


def closed_face(dataset: Dataset) -> np.ndarray:
    """Whether a subject's face is closed at each vertex of its mesh, bool [468].

    Lips open, and teeth are behind them; where hair hangs before the mesh, more hair is behind it.
    """
    return (hair_share(dataset) < HAIR_SHARE) & ~near(dataset.poses.shape, LIPS)


def bare_skin(dataset: Dataset) -> np.ndarray:
    """Whether each vertex of a subject's face mesh is bare skin, bool [468]."""
    return closed_face(dataset) & ~near(dataset.poses.shape, FEATURES)


def smallest_in_skin(dataset: Dataset) -> float:
    """Least standard deviation of a Gaussian in the skin, meters: pixels at the head's depth."""
    depth = float(np.median(dataset.performance.head.t[dataset.train, 2]))
    return SMALLEST * depth / dataset.poses.focal


def near(shape: np.ndarray, features: Sequence[int]) -> np.ndarray:
    """Whether each vertex of a face mesh [468 or more,3] lies beside the named ones, [468]."""
    distance, _ = cKDTree(shape[list(features)]).query(shape[:VERTICES])
    return distance < FEATURE_MARGIN


def hair_share(dataset: Dataset) -> np.ndarray:
    """Share of up to `SAMPLE` training frames that show hair at each vertex of the mesh, [468]."""
    sample = evenly_spaced(dataset.train, SAMPLE)
    points = dataset.landmarks.points[sample, :VERTICES, :2]
    known = np.isfinite(points).all((1, 2))
    votes = np.zeros(VERTICES)
    for frame, places in zip(sample[known], points[known], strict=True):
        column, row = np.clip(places, 0, dataset.size - 1).astype(int).T
        votes += dataset.labels[frame][row, column] == HAIR
    return votes / max(int(known.sum()), 1)
