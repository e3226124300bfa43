"""The two networks that find a face's 478 points in a window: what goes in, what comes out."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.face.litert.network import Network
from unigs.face.litert.windows import Window, tensor
from unigs.face.mesh import POINTS, VERTICES

# fmt: off
LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)
"""Vertices of the mesh that the network's second look at the lips gives, in its order."""
RIGHT_EYE = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24,
    23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244,
    113, 225, 224, 223, 222, 221, 189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121,
    128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)
"""The same for the person's right eye."""
LEFT_EYE = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339,
    254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451,
    452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346,
    347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417,
)
"""The same for the person's left eye."""
# fmt: on
LID = 16
"""Points at the head of an eye's list that are the rim of the lids: the iris has their depth."""
RIGHT_IRIS, LEFT_IRIS = slice(468, 473), slice(473, 478)


class MeshNetwork:
    """Finds 478 points in a window around a face.

    Args:
        network: the face mesh with attention (seven outputs: mesh, lips, both eyes, both irises,
            presence), or that of `face_landmarker.task` (points, presence, and one more).
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.side = network.shape[1]

    def find(self, image: np.ndarray, window: Window) -> tuple[np.ndarray, float]:
        """Points of the face in a window of an image.

        Args:
            image: uint8 [H,W,3].
            window: a square around the face, in which the eyes lie level.

        Returns:
            Points float32 [478,3] in pixels of the image, z in the scale of x; and how sure it is
            that there is a face, 0 to 1.
        """
        cut = window.cut(image, self.side, self.side, border=cv2.BORDER_REPLICATE)
        outputs = [np.ravel(values) for values in self.network(tensor(cut, 0.0, 1.0))]
        if len(outputs) == 7:
            points, presence = refined(*outputs[:6]), outputs[6]
        else:
            points, presence = outputs[0].reshape(POINTS, 3), outputs[1]
        place = window.place(points[:, :2] / self.side)
        depth = points[:, 2:] * (window.width / self.side)
        sure = 1 / (1 + np.exp(-float(presence[0])))
        return np.concatenate([place, depth], axis=1).astype(np.float32), sure


def refined(
    mesh: np.ndarray,
    lips: np.ndarray,
    right_eye: np.ndarray,
    left_eye: np.ndarray,
    right_iris: np.ndarray,
    left_iris: np.ndarray,
) -> np.ndarray:
    """The mesh with lips, eyes and irises in the place of what it saw at first.

    Args:
        mesh: 468 x, y and z, flat.
        lips: 80 x and y, flat.
        right_eye: 71 x and y, flat.
        left_eye: the same.
        right_iris: 5 x and y, flat.
        left_iris: the same.

    Returns:
        float32 [478,3].
    """
    points = np.zeros((POINTS, 3), np.float32)
    points[:VERTICES] = mesh.reshape(VERTICES, 3)
    for indices, values in ((LIPS, lips), (RIGHT_EYE, right_eye), (LEFT_EYE, left_eye)):
        points[list(indices), :2] = values.reshape(-1, 2)
    for place, values, eye in (
        (RIGHT_IRIS, right_iris, RIGHT_EYE),
        (LEFT_IRIS, left_iris, LEFT_EYE),
    ):
        points[place, :2] = values.reshape(-1, 2)
        points[place, 2] = points[list(eye[:LID]), 2].mean()
    return points
