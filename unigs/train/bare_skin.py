"""Which part of the face's mesh is bare skin, and how fine the detail of skin may be.

Skin is smooth. What a field has of fine detail there is the grain of the camera, learned by heart:
in the next angle it is scratches and dots.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from unigs.face.mesh import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE, VERTICES
from unigs.subject.dataset import Dataset
from unigs.subject.labels import HAIR

FEATURES = sorted({*RIGHT_EYE, *LEFT_EYE, *RIGHT_BROW, *LEFT_BROW, *LIPS})
"""Vertices of eyes, brows and lips, whose lashes, hairs and teeth are thin and small."""
FEATURE_MARGIN = 0.006
"""Distance from those vertices within which nothing counts as skin, meters."""
HAIR_SHARE = 0.5
"""Share of the training frames that show hair at a place of the mesh, from which on it is hair's:
strands are needles."""
SMALLEST = 1.25
"""Least standard deviation of a Gaussian in the skin along each of its axes, pixels."""
SAMPLE = 64
"""Training frames whose labels say where hair hangs before the mesh."""


def bare_skin(dataset: Dataset) -> np.ndarray:
    """Whether each vertex of a subject's face mesh is bare skin, bool [468]."""
    return (hair_share(dataset) < HAIR_SHARE) & ~near_features(dataset.poses.shape)


def smallest_in_skin(dataset: Dataset) -> float:
    """Least standard deviation of a Gaussian in the skin, meters: pixels at the head's depth."""
    depth = float(np.median(dataset.performance.head.t[dataset.train, 2]))
    return SMALLEST * depth / dataset.poses.focal


def near_features(shape: np.ndarray) -> np.ndarray:
    """Whether each vertex of a face mesh [468 or more,3] lies beside eyes, brows or lips, [468]."""
    distance, _ = cKDTree(shape[FEATURES]).query(shape[:VERTICES])
    return distance < FEATURE_MARGIN


def hair_share(dataset: Dataset) -> np.ndarray:
    """Share of some `SAMPLE` training frames that show hair at each vertex of the mesh, [468]."""
    sample = dataset.train[:: max(1, len(dataset.train) // SAMPLE)]
    points = dataset.landmarks.points[sample, :VERTICES, :2]
    known = np.isfinite(points).all((1, 2))
    votes = np.zeros(VERTICES)
    for frame, places in zip(sample[known], points[known], strict=True):
        column, row = np.clip(places, 0, dataset.size - 1).astype(int).T
        votes += dataset.labels[frame][row, column] == HAIR
    return votes / max(int(known.sum()), 1)
