"""Squares around a face that keep still when the lips move.

A network that reads lips sees a square cut-out. Were it cut around all landmarks, the chin would
move its border with every vowel, and a render that moves its lips less would be cut otherwise than
the truth. Here place and size come from the points that follow the skull alone, so that truth and
render, whose head poses are the same, are cut the same.
"""

from __future__ import annotations

import cv2
import numpy as np

from unigs.face.mesh import CHIN, FACE_OVAL, FOREHEAD, LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS, RIGID

ACROSS = (RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[0])
"""Points whose line says where "down the face" is: the outer corners of the eyes."""


def face_box(points: np.ndarray) -> np.ndarray:
    """(x, y, width, height) of the face outline in landmarks [...,478,3]."""
    outline = points[..., FACE_OVAL, :2]
    low, high = outline.min(-2), outline.max(-2)
    return np.concatenate([low, high - low], axis=-1)


def face_height(points: np.ndarray) -> float:
    """Height of a face in a clip: the median over its frames, in the unit of the landmarks.

    Of a nodding face the outline gets flat and the line from forehead to chin does not, of one that
    is turned upwards it is the other way round: the larger of both counts.

    Args:
        points: landmarks [T,478,3], px, all finite.
    """
    length = np.linalg.norm(points[:, CHIN] - points[:, FOREHEAD], axis=1)
    return float(np.median(np.maximum(length, face_box(points)[:, 3])))


def face_squares(points: np.ndarray, side: float, down: float) -> np.ndarray:
    """Upright squares whose place and size follow the skull.

    Args:
        points: landmarks [T,478,3], px; NaN where no face was found.
        side: side of the square in sizes of the skull (the spread of its points in 3-D, which a
            turn of the head does not change).
        down: from the mean of the skull's points to the center of the square, in the same unit,
            down the face.

    Returns:
        float64 [T,3]: center x and y, and side, px. Frames without a face get what lies between
        their neighbors; NaN if no frame has one.
    """
    points = np.asarray(points, np.float64)
    skull = points[:, list(RIGID)]
    center = skull.mean(axis=1)
    unit = np.sqrt(np.square(skull - center[:, None]).sum(-1).mean(1))
    across = points[:, ACROSS[1], :2] - points[:, ACROSS[0], :2]
    below = np.stack([-across[:, 1], across[:, 0]], 1)
    below *= (down * unit / np.linalg.norm(across, axis=1))[:, None]
    squares = np.column_stack([center[:, :2] + below, side * unit])
    found = np.isfinite(squares).all(axis=1)
    if not found.any():
        return squares
    rows = np.arange(len(squares))
    return np.column_stack([np.interp(rows, rows[found], c[found]) for c in squares.T])


def cut_square(image: np.ndarray, square: np.ndarray, size: int, outside: int = 0) -> np.ndarray:
    """The inside of a square of an image, in `size` x `size` pixels.

    Landmarks count pixels from the image's corner, OpenCV from the center of its first pixel.

    Args:
        image: uint8 [H,W,3].
        square: center x and y, and side, from `face_squares`; finite.
        size: side of the result, px.
        outside: gray level of what lies outside the image.

    Returns:
        uint8 [size,size,3].
    """
    x, y, side = square
    scale = size / side
    shift = size / 2 - 0.5 - scale * (np.array([x, y]) - 0.5)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(image, matrix, (size, size), borderValue=(outside,) * 3)


def from_square(points: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Points of cut-outs as pixels of the images that they were cut from.

    Args:
        points: [T,P,2], 0 to 1 from the cut-out's upper left to its lower right corner.
        squares: [T,3] of `face_squares`.

    Returns:
        float64 [T,P,2], px.
    """
    return (points - 0.5) * squares[:, None, 2:] + squares[:, None, :2]
