"""A fixed linear map from a layer's states to fewer numbers.

A file of the package belongs to one file of weights and one layer: its metadata hold `model` (the
SHA-256 of the weights) and `layer`, its tensors are `mean` [S] and `matrix` [S,D].
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.stage.checksum import checksum

FOLDER = Path(__file__).parent / "projections"
"""Where the package keeps projections (.safetensors)."""


@dataclass(frozen=True)
class Projection:
    """(x - mean) @ matrix."""

    mean: np.ndarray
    """Mean float32 [S] of the states."""
    matrix: np.ndarray
    """Matrix float32 [S,D]."""
    sha256: str = ""
    """Digest of the file."""

    def __call__(self, states: np.ndarray) -> np.ndarray:
        """Features float32 [N,D] of states [N,S]."""
        return (states - self.mean) @ self.matrix

    @property
    def width(self) -> int:
        """Numbers that are kept, D."""
        return self.matrix.shape[1]


def find_projection(model: str, layer: int) -> Projection | None:
    """The projection of a layer that the package holds, if it does.

    Args:
        model: SHA-256 of the file of weights.
        layer: the layer whose states are projected.
    """
    from safetensors import safe_open

    for path in sorted(FOLDER.glob("*.safetensors")):
        with safe_open(path, "np") as file:
            if file.metadata() == {"model": model, "layer": str(layer)}:
                tensors = (file.get_tensor(name).astype(np.float32) for name in ("mean", "matrix"))
                return Projection(*tensors, checksum(path))
    return None
