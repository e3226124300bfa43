"""Pictures with holes, continued smoothly."""

from __future__ import annotations

import cv2
import numpy as np


def fill_holes(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Continue an image into its holes smoothly (push-pull over an image pyramid).

    Known pixels keep their value. An image that is all hole becomes mid-gray.

    Args:
        image: uint8 [H,W,3].
        hole: bool [H,W], pixels to fill.
    """
    if hole.all():
        return np.full_like(image, 128)
    filled = _push_pull(image.astype(np.float32), (~hole).astype(np.float32))
    return np.where(hole[..., None], np.clip(np.rint(filled), 0, 255), image).astype(np.uint8)


def _push_pull(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill where weight is 0 from ever coarser weighted averages (Gortler et al., 1996)."""
    if min(image.shape[:2]) <= 2 or weight.min() >= 1:
        known = np.maximum(weight.sum(), 1e-6)
        mean = (image * weight[..., None]).sum((0, 1)) / known
        return image * weight[..., None] + mean * (1 - weight[..., None])
    half = ((image.shape[1] + 1) // 2, (image.shape[0] + 1) // 2)
    low_weight = cv2.resize(cv2.GaussianBlur(weight, (5, 5), 0), half, interpolation=cv2.INTER_AREA)
    low = (
        cv2.resize(
            cv2.GaussianBlur(image * weight[..., None], (5, 5), 0),
            half,
            interpolation=cv2.INTER_AREA,
        )
        / np.maximum(low_weight, 1e-6)[..., None]
    )
    low = _push_pull(low, np.minimum(1, 4 * low_weight))
    up = cv2.resize(low, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return image * weight[..., None] + up * (1 - weight[..., None])
