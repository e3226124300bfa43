"""The networks of 68 points that judge lips: whichever a file of weights is for."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from unigs.face.fan import load_fan
from unigs.face.landmarks68 import load_landmarks68
from unigs.pretrained.weights import read_weights


class Points68(Protocol):
    """A network that finds the 68 points of the iBUG annotation in a square around a face."""

    backend: str
    """Name of the network, for the records."""
    size: int
    """Side of the network's input, px."""
    side: float
    """Side of the square of `unigs.face.squares`, in sizes of the skull."""
    down: float
    """From the skull's points down to the square's center, in the same unit."""

    def find(self, cuts: np.ndarray) -> np.ndarray:
        """Points float32 [B,68,2], 0 to 1 over the square, of cut-outs uint8 [B,size,size,3]."""


def load_points68(path: Path, device: str = "cpu") -> Points68:
    """Read a network's weights, without running code from the file.

    Args:
        path: FaceLandmark68Net of face-api, or FAN of face-alignment.
        device: where it runs.

    Raises:
        UserError: the file is missing or holds another network.
    """
    state = read_weights(path)
    if any(name.endswith("conv1.weight") for name in state):
        return load_fan(path, device, state)
    return load_landmarks68(path, device, state)
