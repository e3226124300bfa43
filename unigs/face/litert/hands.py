"""Hands on LiteRT: palms are found, then joints in a window around each."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.face.litert.boxes import BoxDetector, overlaps
from unigs.face.litert.network import Network
from unigs.face.litert.windows import Window, direction, tensor

MOST = 2
"""Hands that are looked for."""
WRIST, MIDDLE = 0, 2
"""Marks of a palm whose line shall point up."""
PALM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
"""Joints that say where the next image's hand is looked for: all but the outer ones of the
fingers."""
KNUCKLES = (5, 13), 9
"""Joints whose mean (of the mean of the first two, and the third) is above the wrist."""
SAME = 0.5
"""Share of intersection in union above which two windows are of one hand."""


class Hands:
    """Up to two hands; use as a context manager.

    Args:
        palms: finds hands that are not followed.
        joints: finds the joints in a window.
        static: treat every image on its own; otherwise the last hands found say where to look.
        confidence: least score of detection and of tracking, 0 to 1.
    """

    def __init__(
        self, palms: BoxDetector, joints: Network, *, static: bool, confidence: float
    ) -> None:
        self.palms, self.joints, self.static, self.confidence = palms, joints, static, confidence
        self._windows: list[Window] = []

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_: object) -> None:
        self._windows = []

    def find(self, image: np.ndarray) -> np.ndarray:
        """Joints [N,21,2] float32 (x, y) of the hands in uint8 RGB [H,W,3]."""
        windows, self._windows, hands = self._candidates(image), [], []
        for window in windows:
            points, sure = self._joints(image, window)
            if sure < self.confidence:
                continue
            hands.append(points)
            if not self.static:
                self._windows.append(around(points))
        return np.array(hands, np.float32).reshape(-1, 21, 2)

    def _candidates(self, image: np.ndarray) -> list[Window]:
        """Where hands may be: palms that are new, and the hands of the last image."""
        palms = []
        if len(self._windows) < MOST:
            found = self.palms.find(image, self.confidence)[:MOST]
            palms = [palm.window(WRIST, MIDDLE, np.pi / 2).grown(2.6, -0.5) for palm in found]
        # Where two are of one hand the later counts: what was followed, not what was found anew.
        chosen: list[Window] = []
        for window in (*palms, *self._windows):
            known = np.array([_box(other) for other in chosen]).reshape(-1, 4)
            shares = overlaps(_box(window), known)
            chosen = [o for o, share in zip(chosen, shares, strict=True) if share <= SAME]
            chosen.append(window)
        return chosen

    def _joints(self, image: np.ndarray, window: Window) -> tuple[np.ndarray, float]:
        """Joints [21,2] in a window, px of the image, and how sure it is that there is a hand."""
        side = self.joints.shape[1]
        cut = window.cut(image, side, side, border=cv2.BORDER_REPLICATE)
        flat, sure, *_ = self.joints(tensor(cut, 0.0, 1.0))
        return window.place(flat.reshape(21, 3)[:, :2] / side), float(sure.ravel()[0])


def around(points: np.ndarray) -> Window:
    """The window in which the next image's hand is looked for, around joints [21,2]."""
    (index, ring), middle = KNUCKLES
    above = ((points[index] + points[ring]) / 2 + points[middle]) / 2
    angle = direction(points[0], above, np.pi / 2)
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    level = points[list(PALM)] @ turned
    low, high = level.min(0), level.max(0)
    x, y = turned @ ((low + high) / 2)
    width, height = high - low
    return Window(x, y, width, height, angle).grown(2.0, shift=-0.1)


def _box(window: Window) -> np.ndarray:
    """Left, top, right and bottom border of a window as if it were upright."""
    half = np.array([window.width, window.height]) / 2
    center = np.array([window.x, window.y])
    return np.concatenate([center - half, center + half])
