"""Guided filter: edge-preserving smoothing of masks by the image that they belong to."""

from __future__ import annotations

import cv2
import numpy as np


class GuidedFilter:
    """He, Sun, Tang, "Guided image filtering", 2010, with a color guide.

    The local linear models are fitted on a reduced image and applied at full size ("Fast guided
    filter", 2015), which costs a fraction of the time; the models are smooth and lose nothing.

    Args:
        guide: uint8 RGB [H,W,3].
        radius: half side of the square window in pixels.
        eps: variance of the guide (in units of [0,1] squared) below which it is smoothed over.
        reduce: factor by which the image is reduced for fitting.
    """

    def __init__(self, guide: np.ndarray, radius: int, eps: float, reduce: int = 2) -> None:
        full = np.float32(255)
        self.guide = [np.divide(plane, full, dtype=np.float32) for plane in cv2.split(guide)]
        height, width = guide.shape[:2]
        self.small = (-(-width // reduce), -(-height // reduce))
        side = 2 * max(1, round(radius / reduce)) + 1
        self.window = (side, side)
        self.planes = [
            cv2.resize(plane, self.small, interpolation=cv2.INTER_AREA) for plane in self.guide
        ]
        self.means = [self._box(plane) for plane in self.planes]
        pairs = [(i, j) for i in range(3) for j in range(i, 3)]
        cov = {
            (i, j): self._box(self.planes[i] * self.planes[j])
            - self.means[i] * self.means[j]
            + (eps if i == j else 0)
            for i, j in pairs
        }
        self.inverse = _inverse_symmetric(cov)

    def _box(self, plane: np.ndarray) -> np.ndarray:
        return cv2.blur(plane, self.window, borderType=cv2.BORDER_REFLECT)

    def __call__(self, mask: np.ndarray) -> np.ndarray:
        """Smooth a float mask [H,W]."""
        small = cv2.resize(mask.astype(np.float32), self.small, interpolation=cv2.INTER_AREA)
        mean = self._box(small)
        cov = [
            self._box(small * p) - m * mean for p, m in zip(self.planes, self.means, strict=True)
        ]
        slope = [
            _dot([self.inverse[min(i, j), max(i, j)] for j in range(3)], cov) for i in range(3)
        ]
        offset = mean - _dot(slope, self.means)
        fit = [cv2.resize(self._box(p), mask.shape[1::-1]) for p in (*slope, offset)]
        out = _dot(fit[:3], self.guide)
        out += fit[3]
        return out


def _dot(a: list[np.ndarray], b: list[np.ndarray]) -> np.ndarray:
    """Sum of the products of three planes with three others, pixel by pixel."""
    out = a[0] * b[0]
    out += a[1] * b[1]
    out += a[2] * b[2]
    return out


def _inverse_symmetric(m: dict[tuple[int, int], np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
    """Inverse of symmetric 3x3 matrices given (and returned) by their upper entries [H,W]."""
    a, b, c, d, e, f = (m[k] for k in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    A, B, C = d * f - e * e, c * e - b * f, b * e - c * d
    D, E, F = a * f - c * c, b * c - a * e, a * d - b * b
    det = a * A + b * B + c * C
    entries = zip(((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)), (A, B, C, D, E, F), strict=True)
    return {key: value / det for key, value in entries}
