"""MediaPipe's own operators, as functions of NumPy.

The face mesh first finds all points roughly, then cuts lips and eyes out of its own features, along
the line between two corners, and looks at each again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

Operator = Callable[..., np.ndarray]
"""A function of arrays."""


def crop_matrix(options: bytes) -> Operator:
    """Landmarks2TransformMatrix: where the square around some points lies.

    Args:
        options: flexible buffer with the points, the line that shall lie level, the scale, and the
            size of the cut-out.

    Returns:
        A function of points [1,P,3] that gives the matrix [1,4,4] from pixels of the cut-out to
        the points' own coordinates.
    """
    from flatbuffers import flexbuffers

    told = flexbuffers.Loads(options)
    subset = np.array(told["subset_idxs"]).ravel()
    left, right = told["left_rotation_idx"], told["right_rotation_idx"]
    size = np.array([told["output_width"], told["output_height"]], float)
    scale = np.array([told["scale_x"], told["scale_y"]])
    target = told["target_rotation_radians"]

    def matrix(points: np.ndarray) -> np.ndarray:
        flat = points.reshape(-1, 3)[:, :2].astype(np.float64)
        dx, dy = flat[right] - flat[left]
        turn = _turn(target - np.arctan2(dy, dx))
        level = flat[subset] @ turn.T
        low, high = level.min(0), level.max(0)
        found = np.eye(4)
        found[:2, :2] = turn.T * (scale * (high - low) / size)
        found[:2, 3] = turn.T @ ((low + high) / 2) - found[:2, :2] @ (size / 2)
        return found[None].astype(np.float32)

    return matrix


def cut_features(options: bytes) -> Operator:
    """TransformTensorBilinear: a part of a picture, interpolated.

    Args:
        options: flexible buffer with the size of the cut-out.

    Returns:
        A function of a picture [1,H,W,C] and a matrix [1,4,4] that gives the cut-out [1,h,w,C].
        What lies outside the picture is 0.
    """
    from flatbuffers import flexbuffers

    told = flexbuffers.Loads(options)
    rows, columns = np.mgrid[: told["output_height"], : told["output_width"]] + 0.5

    def cut(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        height, width = picture.shape[1:3]
        a = matrix.reshape(4, 4)
        x = a[0, 0] * columns + a[0, 1] * rows + a[0, 3] - 0.5
        y = a[1, 0] * columns + a[1, 1] * rows + a[1, 3] - 0.5
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        x0 = np.clip(np.floor(x), 0, max(0, width - 2)).astype(int)
        y0 = np.clip(np.floor(y), 0, max(0, height - 2)).astype(int)
        fx, fy = (x - x0)[..., None], (y - y0)[..., None]
        plane = picture[0]
        upper = (1 - fx) * plane[y0, x0] + fx * plane[y0, x0 + 1]
        lower = (1 - fx) * plane[y0 + 1, x0] + fx * plane[y0 + 1, x0 + 1]
        found = ((1 - fy) * upper + fy * lower) * inside[..., None]
        return found[None].astype(np.float32)

    return cut


def move_points(options: bytes) -> Operator:
    """TransformLandmarks: points [1,P,2] of a cut-out moved by a matrix [1,4,4]."""

    def move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        a = matrix.reshape(4, 4)
        return points @ a[:2, :2].T + a[:2, 3]

    return move


def double_size(options: bytes) -> Operator:
    """Convolution2DTransposeBias with a 2x2 kernel and stride 2: each pixel becomes four.

    Args:
        options: padding and both strides as 32-bit integers.

    Returns:
        A function of a picture [1,H,W,C], a kernel [O,2,2,C] and a bias [O] that gives [1,2H,2W,O].

    Raises:
        ValueError: the strides are others.
    """
    _, *strides = struct.unpack("<3i", options)
    if strides != [2, 2]:
        raise ValueError(f"a transposed convolution with strides {strides}")

    def double(picture: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
        _, height, width, channels = picture.shape
        outputs = len(kernel)
        # Products with one vector each: OpenBLAS gives a product of matrices to all cores, and
        # waits for them far longer than the product takes.
        flat = picture.reshape(-1, channels)
        made = np.stack([flat @ row for row in kernel.reshape(-1, channels)], axis=1)
        made = made.reshape(height, width, outputs, 2, 2).transpose(0, 3, 1, 4, 2)
        return made.reshape(1, 2 * height, 2 * width, outputs) + bias

    return double


def _turn(angle: float) -> np.ndarray:
    """Rotation matrix [2,2] of an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


OPERATORS: dict[str, Callable[[bytes], Operator]] = {
    "Convolution2DTransposeBias": double_size,
    "Landmarks2TransformMatrix": crop_matrix,
    "TransformLandmarks": move_points,
    "TransformTensorBilinear": cut_features,
}
"""Name in the network -> what makes a function from the operator's options."""
