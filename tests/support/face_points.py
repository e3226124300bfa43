"""Landmarks that move in a known way."""

import numpy as np

from unigs.face.mesh import LOWER_LIP_INNER, UPPER_LIP_INNER

FRAMES = 40


def moving_points() -> np.ndarray:
    """A face whose mouth and eyes open and close on their own clocks."""
    rng = np.random.default_rng(1)
    face = np.repeat(rng.uniform(100, 200, (1, 478, 3)), FRAMES, 0).astype(np.float32)
    clock = np.arange(FRAMES)
    upper, lower = list(UPPER_LIP_INNER[1:-1]), list(LOWER_LIP_INNER[1:-1])
    face[:, lower] = face[:, upper]
    face[:, lower, 1] += (6 + 4 * np.sin(clock))[:, None]
    for lid, under in ((159, 145), (386, 374)):
        face[:, under] = face[:, lid]
        face[:, under, 1] += 5 + 2 * np.cos(clock / 3)
    for outer, inner, x in ((33, 133, 20.0), (263, 362, 40.0)):
        face[:, inner] = face[:, outer] + np.float32([x, 0, 0])
    return face
