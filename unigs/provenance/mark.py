"""The visible mark: the letters AI in the upper right corner of every frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WORDS = "AI"
"""What the mark says."""
SHARE = 0.07
"""Height of the mark as a share of the frame's."""
SMALLEST = 14
"""Least height in pixels at which the letters can be read."""
DISTANCE = 0.25
"""Distance from the edges of the frame as a share of the mark's height."""
STRENGTH = 0.6
"""Opacity of the ground behind the letters."""
FINE = 8
"""Factor by which the mark is drawn larger, then averaged down, so that its edges are smooth."""


@dataclass(frozen=True)
class VisibleMark:
    """A mark for frames of one size, drawn the same in each."""

    alpha: np.ndarray
    """Opacity [h,w,1], 0 to 1."""
    color: np.ndarray
    """Gray value [h,w,1] of letters and ground times the opacity, 0 to 255."""
    area: tuple[slice, slice]
    """Rows and columns of the frame that it covers."""

    @classmethod
    def of(cls, height: int, width: int) -> VisibleMark:
        """The mark for frames of a size.

        Args:
            height: pixels.
            width: pixels.
        """
        tall = min(max(round(SHARE * height), SMALLEST), height)
        wide = min(round(1.35 * tall), width)
        away = min(round(DISTANCE * tall), height - tall, width - wide)
        ground, letters = _drawn(tall, wide)
        alpha = np.maximum(STRENGTH * ground, letters)[..., None]
        rows, columns = slice(away, away + tall), slice(width - away - wide, width - away)
        return cls(alpha, 255 * letters[..., None], (rows, columns))

    def on(self, frame: np.ndarray) -> np.ndarray:
        """A copy of a frame that bears the mark.

        Args:
            frame: uint8 [H,W,3] of the mark's size.
        """
        marked = frame.copy()
        under = marked[self.area].astype(np.float32)
        marked[self.area] = np.rint(under * (1 - self.alpha) + self.color).astype(np.uint8)
        return marked


def _drawn(tall: int, wide: int) -> tuple[np.ndarray, np.ndarray]:
    """Ground (a rounded rectangle) and letters, float32 [tall,wide] from 0 to 1."""
    h, w = tall * FINE, wide * FINE
    ground, letters = (np.zeros((h, w), np.float32) for _ in range(2))
    radius = h // 5
    cv2.rectangle(ground, (radius, 0), (w - 1 - radius, h - 1), 1.0, -1)
    cv2.rectangle(ground, (0, radius), (w - 1, h - 1 - radius), 1.0, -1)
    for x in (radius, w - 1 - radius):
        for y in (radius, h - 1 - radius):
            cv2.circle(ground, (x, y), radius, 1.0, -1)
    font, stroke = cv2.FONT_HERSHEY_DUPLEX, max(1, h // 10)
    scale = cv2.getFontScaleFromHeight(font, round(0.56 * h), stroke)
    (across, up), _ = cv2.getTextSize(WORDS, font, scale, stroke)
    cv2.putText(letters, WORDS, ((w - across) // 2, (h + up) // 2), font, scale, 1.0, stroke)
    down = (
        cv2.resize(part, (wide, tall), interpolation=cv2.INTER_AREA) for part in (ground, letters)
    )
    return tuple(down)
