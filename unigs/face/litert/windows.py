"""Turned rectangles of a picture, and what a network sees of them.

MediaPipe counts pixels from the picture's corner and reads them where OpenCV does, at whole
numbers; so does this module, since its networks learned it so.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Window:
    """A turned rectangle of a picture, px."""

    x: float
    """Center."""
    y: float
    """Center."""
    width: float
    height: float
    angle: float = 0.0
    """Radians by which the picture is turned when it is upright in the window."""

    @classmethod
    def whole(cls, image: np.ndarray) -> Window:
        """The window that shows all of an image [H,W,...]."""
        height, width = image.shape[:2]
        return cls(width / 2, height / 2, width, height)

    def grown(self, scale: float, shift: float = 0.0) -> Window:
        """A square of `scale` times the longer side.

        Args:
            scale: of the sides.
            shift: of the center down the window, as a share of its height.
        """
        side = scale * max(self.width, self.height)
        down = shift * self.height
        x, y = self.x - down * np.sin(self.angle), self.y + down * np.cos(self.angle)
        return Window(x, y, side, side, self.angle)

    def fitted(self, width: int, height: int) -> Window:
        """The smallest window around this one that has the shape of `width` x `height`."""
        shape = height / width
        if self.height < self.width * shape:
            return Window(self.x, self.y, self.width, self.width * shape, self.angle)
        return Window(self.x, self.y, self.height / shape, self.height, self.angle)

    def matrix(self, width: float, height: float) -> np.ndarray:
        """[2,3]: from places in a cut-out of `width` x `height` to places in the picture."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turned = np.array([[cosine, -sine], [sine, cosine]])
        scaled = turned * [self.width / width, self.height / height]
        shift = [self.x, self.y] - scaled @ [width / 2, height / 2]
        return np.column_stack([scaled, shift])

    def cut(self, image: np.ndarray, width: int, height: int, *, border: int) -> np.ndarray:
        """What the window shows of an image uint8 [H,W,3], in `height` x `width` pixels.

        Args:
            image: the picture.
            width: of the cut-out, px.
            height: of the cut-out, px.
            border: what is seen beyond the picture, a border type of OpenCV.
        """
        if self == Window.whole(image) and image.shape[:2] == (height, width):
            return image  # the same bytes, without looking for each of them
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = np.vstack([self.matrix(width, height), [0, 0, 1]])
        return cv2.warpPerspective(image, matrix, (width, height), flags=flags, borderMode=border)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points [N,2], 0 to 1 over the window, in pixels of the picture."""
        a = self.matrix(1, 1)
        return points @ a[:, :2].T + a[:, 2]


def tensor(cut: np.ndarray, low: float, high: float) -> np.ndarray:
    """A cut-out uint8 [h,w,3] as a network takes it: float32 [1,h,w,3] from `low` to `high`."""
    made = cut[None] * np.float32((high - low) / 255)
    made += np.float32(low)
    return made


def direction(start: np.ndarray, end: np.ndarray, target: float) -> float:
    """The angle of a window in which the line between two points has a direction.

    Args:
        start: x, y.
        end: x, y.
        target: direction of the line in the window, radians counter-clockwise from the right.

    Returns:
        Radians, from -pi to pi.
    """
    angle = target - np.arctan2(-(end[1] - start[1]), end[0] - start[0])
    return float(angle - 2 * np.pi * np.floor((angle + np.pi) / (2 * np.pi)))
