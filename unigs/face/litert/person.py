"""The person mask on LiteRT."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from unigs.face.litert.network import Network
from unigs.face.litert.windows import Window, tensor


class PersonMask:
    """Probability that a pixel shows the person; use as a context manager.

    Args:
        networks: each sees the whole picture; the mean of what they say counts.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = networks

    def __enter__(self) -> PersonMask:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find(self, image: np.ndarray) -> np.ndarray:
        """Probabilities float32 [H,W] for uint8 RGB [H,W,3]."""
        size, window = image.shape[1::-1], Window.whole(image)
        masks = []
        for network in self.networks:
            _, height, width, _ = network.shape
            cut = window.cut(image, width, height, border=cv2.BORDER_CONSTANT)
            (mask,) = network(tensor(cut, 0.0, 1.0))
            masks.append(cv2.resize(mask[0, :, :, 0], size, interpolation=cv2.INTER_LINEAR))
        return np.clip(np.mean(masks, axis=0), 0, 1).astype(np.float32)
