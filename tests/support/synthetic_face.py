"""A made-up face mesh with the numbering of the face-mesh landmarks, for tests."""

import numpy as np

from unigs.face import mesh


def face_vertices(seed: int = 0) -> np.ndarray:
    """468 vertices [468,3] in meters: right, down, into the head; the face looks to -z."""
    rng = np.random.default_rng(seed)
    xy = np.empty((mesh.VERTICES, 2))
    radius, angle = np.sqrt(rng.uniform(0, 0.8, 468)), rng.uniform(0, 2 * np.pi, 468)
    xy[:, 0], xy[:, 1] = 0.072 * radius * np.cos(angle), 0.086 * radius * np.sin(angle)
    rigid = list(mesh.RIGID)
    xy[rigid, 1] = rng.uniform(-0.06, 0.018, len(rigid))
    ring(xy, mesh.FACE_OVAL, 0, 0, 0.073, 0.086)
    ring(xy, mesh.LIPS_OUTER, 0, 0.042, 0.026, 0.011, start=np.pi, turn=1)
    ring(xy, mesh.LIPS_INNER, 0, 0.042, 0.020, 0.004, start=np.pi, turn=1)
    for eye, brow_upper, brow_lower, side in (
        (mesh.RIGHT_EYE, mesh.RIGHT_BROW_UPPER, mesh.RIGHT_BROW_LOWER, -1),
        (mesh.LEFT_EYE, mesh.LEFT_BROW_UPPER, mesh.LEFT_BROW_LOWER, 1),
    ):
        ring(xy, eye, 0.0315 * side, -0.027, 0.013, 0.005, start=np.pi, turn=1)
        for line, height in ((brow_upper, -0.049), (brow_lower, -0.044)):
            xy[list(line), 0] = 0.0315 * side + np.linspace(-0.018, 0.018, 5)
            xy[list(line), 1] = height
    bulge = np.sqrt(np.clip(1 - (xy[:, 0] / 0.085) ** 2 - (xy[:, 1] / 0.125) ** 2, 0.02, 1))
    nose = np.exp(-(xy[:, 0] ** 2 + (xy[:, 1] - 0.002) ** 2) / 0.014**2)
    return np.column_stack([xy, 0.02 - 0.065 * bulge - 0.022 * nose])


def ring(
    xy: np.ndarray, indices: tuple, x: float, y: float, a: float, b: float,
    *, start: float = -np.pi / 2, turn: int = 1,
) -> None:  # fmt: skip
    """Put a ring of landmarks on an ellipse, starting at an angle (the y axis points down)."""
    angle = start + turn * 2 * np.pi * np.arange(len(indices)) / len(indices)
    xy[list(indices)] = np.column_stack([x + a * np.cos(angle), y + b * np.sin(angle)])


def landmarks(pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Points [T,478,3] from vertex pixels [T,468,2] and depths [T,468]; irises at the eyes."""
    points = np.concatenate([pixels, depth[..., None]], -1)
    irises = np.repeat(points[:, [159, 386]], 5, axis=1)
    return np.concatenate([points, irises], 1)
