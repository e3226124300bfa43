"""The face frame: 2-D coordinates fixed to the face, whatever its position and size in the picture.

Where hair, neck and clothes are to be expected is stated in the face frame. Axes are right and down
as in the image, turned with the head's roll; the origin is the head's (27 mm below the outer eye
corners); units are meters on the average face of the clip seen from the front.
"""

from __future__ import annotations

import cv2
import numpy as np

from unigs.face import mesh
from unigs.face.shape import average_shape

CELL = 0.005
"""Meters per cell of a map over the face frame."""
LEFT, TOP, COLUMNS, ROWS = -0.30, -0.28, 120, 140
"""A map covers 60 cm by 70 cm."""
CHIN_Y = 0.09
"""Meters from the origin down to the chin of an average adult."""
EAR_LOBE_Y = 0.03
"""Meters from the origin down to the ear lobes of an average adult."""


class FaceFrame:
    """Similarity transforms between the frames of a clip and the face frame.

    Args:
        meshes: landmarks [T,468,3] of frames with a face, to learn the average face from.
    """

    def __init__(self, meshes: np.ndarray) -> None:
        self.average = average_shape(meshes.astype(np.float64))[:, :2]
        fixed = [*mesh.RIGID, *mesh.FACE_OVAL]
        self.fixed = np.array(fixed)
        target = self.average[self.fixed] @ np.array([1, 1j])
        self.mean, self.target = target.mean(), target - target.mean()

    def to_map(self, points: np.ndarray) -> np.ndarray:
        """Affine matrix [2,3] from pixels to map cells, from the landmarks [478,2+] of a frame."""
        seen = points[self.fixed, :2].astype(np.float64) @ np.array([1, 1j])
        center = seen.mean()
        seen = seen - center
        turn = np.vdot(seen, self.target) / np.vdot(seen, seen).real
        shift = self.mean - turn * center
        matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
        matrix[:, 2] -= (LEFT, TOP)
        return matrix / CELL

    def oval_distance(self) -> np.ndarray:
        """Signed distance to the average face's outline, [ROWS,COLUMNS] meters, outside > 0."""
        ring = (self.average[list(mesh.FACE_OVAL)] - (LEFT, TOP)) / CELL
        inside = np.zeros((ROWS, COLUMNS), np.uint8)
        cv2.fillPoly(inside, [np.rint(ring).astype(np.int32)], 1)
        out = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
        return (out - cv2.distanceTransform(inside, cv2.DIST_L2, 5)) * CELL


def map_axes() -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y in meters of every cell, [ROWS,COLUMNS] each."""
    x = LEFT + CELL * np.arange(COLUMNS)
    y = TOP + CELL * np.arange(ROWS)
    return np.broadcast_to(x, (ROWS, COLUMNS)), np.broadcast_to(y[:, None], (ROWS, COLUMNS))


def heights(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Meters that the pixels of a frame lie below the origin; beyond the map as at its border.

    Args:
        matrix: affine matrix [2,3] of the frame, from `FaceFrame.to_map`.
        height: of the frame in pixels.
        width: of the frame in pixels.

    Returns:
        float32 [height,width].
    """
    across, down, first = matrix[1].astype(np.float32)
    rows = np.add.outer(first + down * np.arange(height, dtype=np.float32),
                        across * np.arange(width, dtype=np.float32))  # fmt: skip
    np.clip(rows, 0, ROWS - 1, out=rows)
    rows *= CELL
    rows += TOP
    return rows


def map_to_image(planes: np.ndarray, matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Warp a map to the pixels of a frame; beyond its border the map is continued.

    Args:
        planes: map [ROWS,COLUMNS] or [ROWS,COLUMNS,C].
        matrix: affine matrix [2,3] of the frame, from `FaceFrame.to_map`.
        height: of the frame in pixels.
        width: of the frame in pixels.

    Returns:
        float32 [height,width] or [height,width,C].
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        planes.astype(np.float32), matrix, (width, height), flags=flags,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip


def image_to_map(planes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Warp an image [H,W(,C)] to the map [ROWS,COLUMNS(,C)]; zero beyond the image's border."""
    return cv2.warpAffine(planes.astype(np.float32), matrix, (COLUMNS, ROWS))


def fill_ring(points: np.ndarray, ring: tuple[int, ...], shape: tuple[int, int]) -> np.ndarray:
    """Bool mask [H,W] of the inside of a ring of landmarks [478,2+] (pixels)."""
    mask = np.zeros(shape, np.uint8)
    # Sixteenths of a pixel; pixel centers of landmarks lie at +0.5.
    corners = np.rint((points[list(ring), :2] - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1, shift=4)
    return mask > 0
