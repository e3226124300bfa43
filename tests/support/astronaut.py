"""Short clips of a real face that may be used: the portrait of Eileen Collins in scikit-image."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from unigs.face.detectors import open_detectors
from unigs.media.video import VideoWriter


@functools.cache
def portrait(side: int = 256) -> np.ndarray:
    """Head and shoulders, uint8 [side,side,3]."""
    cut = data.astronaut()[0:300, 75:375]
    return cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)


@functools.cache
def landmarks() -> np.ndarray:
    """Landmarks [478,3] float32 of `portrait()`."""
    with open_detectors().mesh(static=True, confidence=0.5) as mesh:
        return mesh.find(portrait())


def placed(
    width: int,
    height: int,
    x: float,
    y: float,
    scale: float = 1.0,
    canvas: np.ndarray | None = None,
) -> np.ndarray:
    """The 256-pixel portrait with its corner at x, y, scaled, on a smooth ground."""
    if canvas is None:
        rows, columns = np.mgrid[:height, :width]
        canvas = np.stack([60 + columns // 8, 80 + rows // 8, 0 * rows + 120], -1).astype(np.uint8)
    matrix = np.float32([[scale, 0, x], [0, scale, y]])
    size = (width, height)
    shifted = cv2.warpAffine(portrait(), matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(np.full((256, 256), 255, np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    return np.where(mask[..., None] > 0, shifted, canvas)


def write_clip(
    path: Path,
    frame: Callable[[int], np.ndarray],
    count: int,
    fps: float = 25.0,
    audio: Path | None = None,
) -> Path:
    """Write frame(0) .. frame(count-1)."""
    height, width = frame(0).shape[:2]
    with VideoWriter(path, width, height, fps, audio=audio) as writer:
        for k in range(count):
            writer.write(frame(k))
    return path
