"""Gaussians as solids: covariances, and a ball that is stretched to each ellipsoid."""

from __future__ import annotations

import numpy as np


def matrices(quats: np.ndarray) -> np.ndarray:
    """Rotations [N,3,3] of quaternions wxyz [N,4] of unit length."""
    w, x, y, z = quats.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def covariances(quats: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Covariances [N,3,3] in square meters.

    Args:
        quats: rotations wxyz [N,4] of unit length.
        scales: standard deviations along the axes [N,3], meters.
    """
    axes = matrices(quats) * scales[:, None, :]
    return axes @ axes.transpose(0, 2, 1)


def ball() -> tuple[np.ndarray, np.ndarray]:
    """Vertices [12,3] and faces [20,3] of an icosahedron of radius 1, seen from outside.

    Twenty thousand of them are drawn at once, hence so few faces; shading makes them round.
    """
    g = (1 + 5**0.5) / 2
    corners = np.array([[0, i, j * g] for i in (-1, 1) for j in (-1, 1)])
    vertices = np.concatenate([np.roll(corners, k, 1) for k in range(3)])
    edge = np.linalg.norm(vertices[:, None] - vertices[None], axis=-1) < 2.1
    faces = []
    for a in range(12):
        for b in range(a + 1, 12):
            for c in range(b + 1, 12):
                if edge[a, b] and edge[b, c] and edge[a, c]:
                    outward = np.linalg.det(vertices[[a, b, c]]) > 0
                    faces.append((a, b, c) if outward else (a, c, b))
    return vertices / np.linalg.norm(vertices[0]), np.array(faces)
