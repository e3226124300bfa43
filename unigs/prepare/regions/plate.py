"""The background plate: robust median over time, and a smooth fill where it is never seen."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.media.fill import fill_holes


class Plate:
    """Collects sampled frames and computes their background.

    Memory is that of the sampled frames, whatever the length of the clip. A pixel that is
    hardly ever clear of the whole margin uses frames in which it is clear of a third of the margin:
    seen background, even near the person, beats inpainting.

    Args:
        margin: pixels around the person that are not trusted.
    """

    def __init__(self, margin: int) -> None:
        self.kernels = [
            cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2)
            for width in (margin, max(1, margin // 3))
        ]
        self.frames: list[np.ndarray] = []
        self.clear: list[np.ndarray] = []
        self.close: list[np.ndarray] = []

    def add(self, frame: np.ndarray, person: np.ndarray) -> None:
        """Take a frame uint8 [H,W,3] and its person probability [H,W]."""
        self.frames.append(frame.copy())
        mask = (person > 0.2).astype(np.uint8)
        for free, kernel in zip((self.clear, self.close), self.kernels, strict=True):
            free.append(cv2.dilate(mask, kernel) == 0)

    def _free(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Where each frame shows the background, bool [H,W], and where none does."""
        # One clear frame may be a mask error; a twentieth of the samples (two at least) is not.
        enough = np.sum(self.clear, axis=0) >= max(2, len(self.frames) // 20)
        free = [
            np.where(enough, clear, close)
            for clear, close in zip(self.clear, self.close, strict=True)
        ]
        return free, np.sum(free, axis=0) < 2

    def solve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The background plate.

        Returns:
            plate: uint8 [H,W,3];
            hole: bool [H,W], pixels that never show the background;
            noise: float [H,W], robust standard deviation of the plate over time in gray levels.
        """
        height, width = self.frames[0].shape[:2]
        frees, hole = self._free()
        plate = np.zeros((height, width, 3), np.float32)
        noise = np.zeros((height, width), np.float32)
        for row in range(height):  # row by row: the sorted copy stays small
            values = np.stack([f[row] for f in self.frames], -1)
            free = np.stack([f[row] for f in frees], -1) & ~hole[row][:, None]
            plate[row] = _masked_median(values.astype(np.int16), free[:, None])
            away = np.abs(values - plate[row][..., None])
            away = (away[:, 0] + away[:, 1] + away[:, 2]) / 3
            noise[row] = 1.4826 * _masked_median(away, free)
        return fill_holes(np.rint(plate).astype(np.uint8), hole), hole, noise


def _masked_median(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Median over the last axis of the values in the mask, float32; 0 where the mask is empty."""
    beyond = np.iinfo(values.dtype).max if values.dtype.kind == "i" else np.inf
    # Along the last axis NumPy sorts 16-bit numbers in a few instructions each.
    ordered = np.sort(np.where(mask, values, beyond).astype(values.dtype), axis=-1)
    count = mask.sum(-1, keepdims=True)
    low = np.broadcast_to(np.maximum(count - 1, 0) // 2, (*values.shape[:-1], 1))
    high = np.broadcast_to(np.minimum(count // 2, values.shape[-1] - 1), low.shape)
    middle = np.take_along_axis(ordered, low, -1).astype(np.float32)
    middle += np.take_along_axis(ordered, high, -1)
    return np.where(count > 0, middle / 2, 0)[..., 0].astype(np.float32)


class Background:
    """Likelihood that a pixel shows the plate, where the plate was seen.

    Args:
        plate: uint8 [H,W,3].
        hole: bool [H,W], pixels that never show the background.
        noise: standard deviation over time [H,W] in gray levels.
    """

    def __init__(self, plate: np.ndarray, hole: np.ndarray, noise: np.ndarray) -> None:
        lab = cv2.cvtColor(plate, cv2.COLOR_RGB2LAB).astype(np.float32)
        self.lab = cv2.split(lab)
        # Misplaced edges and coding add to the noise over time.
        texture = cv2.morphologyEx(lab, cv2.MORPH_GRADIENT, np.ones((3, 3))).mean(2)
        variance = 4.0**2 + noise**2 + (0.3 * texture) ** 2
        # The log-likelihood ratio is 0 at two standard deviations, and nothing where nothing is
        # known.
        self.scale = (0.5 / variance).astype(np.float32)
        self.known = (~hole).astype(np.float32)

    def sharpen(self, image: np.ndarray, person: np.ndarray) -> np.ndarray:
        """Person probability [H,W] with the plate's evidence added where the mask is unsure."""
        planes = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
        evidence = np.zeros(person.shape, np.float32)
        for plane, own in zip(planes, self.lab, strict=True):
            away = plane - own
            evidence += np.square(away, out=away)
        evidence *= self.scale
        evidence -= 2
        np.minimum(evidence, 3, out=evidence)
        evidence *= self.known
        p = np.clip(person.astype(np.float32, copy=False), 0.01, 0.99)
        logit = cv2.log(p / (1 - p)) + cv2.GaussianBlur(evidence, (0, 0), 1.0)
        return 1 / (1 + cv2.exp(-logit))
