"""A film whose motion is known, and renders of parts of it."""

import cv2
import numpy as np
from skimage import data

SIDE, COUNT = 192, 90


def film(seed=0):
    """A face before a still background: the face moves on a path of its own, the wall does not."""
    rng = np.random.default_rng(seed)
    wall = cv2.resize(rng.integers(60, 200, (24, 24, 3)).astype(np.uint8), (SIDE, SIDE))
    face = cv2.resize(data.astronaut()[0:240, 120:330], (126, 144))
    path = np.cumsum(cv2.GaussianBlur(rng.normal(0, 3, (COUNT, 2)), (1, 9), 2), axis=0)
    path = np.clip(path - path.mean(0) + [SIDE / 2, SIDE / 2 + 20], [70, 80], [122, 112])
    mask = np.zeros((144, 126, 1), np.float32)
    cv2.ellipse(mask, (63, 72), (55, 66), 0, 0, 360, 1, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 2)[..., None]
    frames = []
    for x, y in path:
        move = np.array([[1, 0, x - 63], [0, 1, y - 72]])
        put = cv2.warpAffine(face, move, (SIDE, SIDE)).astype(np.float32)
        cover = cv2.warpAffine(mask, move, (SIDE, SIDE))[..., None]
        frames.append((wall * (1 - cover) + put * cover).astype(np.uint8))
    return frames


def rendered(frames, first, last, window, size):
    """Those frames cut to a window and scaled to size x size, blurred and brightened a little."""
    zoom = window.scale
    grid = np.array([[zoom, 0, window.x + zoom / 2 - 0.5], [0, zoom, window.y + zoom / 2 - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    cut = (cv2.warpAffine(f, grid, (size, size), flags=flags) for f in frames[first:last])
    return [np.clip(cv2.GaussianBlur(f, (0, 0), 0.7) + 6.0, 0, 255).astype(np.uint8) for f in cut]
