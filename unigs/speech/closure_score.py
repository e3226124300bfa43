"""How surely a sound is p, b or m, for which the lips must meet: a small network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class ClosureScore:
    """One hidden layer of rectified units on a window of centered features.

    The score is 0 where other sounds seldom get to, and 1 in the middle of a usual p, b or m.
    """

    hidden: np.ndarray
    """Weights float32 [W,D,H] of the hidden units."""
    hidden_bias: np.ndarray
    """Biases float32 [H] of the hidden units."""
    out: np.ndarray
    """Weights float32 [H] of the score."""
    out_bias: np.ndarray
    """Bias float32 [1] of the score."""

    PARTS: ClassVar = ("hidden", "hidden_bias", "out", "out_bias")
    """Names of the arrays."""

    @property
    def units(self) -> int:
        """Number of hidden units, H."""
        return len(self.out)

    def fits(self, window: tuple[int, int]) -> bool:
        """Whether the arrays have the shapes of a score of windows [W,D], and finite numbers."""
        units = self.out.shape if self.out.ndim == 1 and len(self.out) else (-1,)
        shaped = self.hidden.shape == (*window, *units) and self.hidden_bias.shape == units
        parts = [getattr(self, part) for part in self.PARTS]
        return shaped and self.out_bias.shape == (1,) and all(np.isfinite(p).all() for p in parts)

    def scores(self, heard: np.ndarray) -> np.ndarray:
        """Scores [n] of flat windows [n,W*D]."""
        weights = self.hidden.reshape(-1, self.units)
        return np.maximum(heard @ weights + self.hidden_bias, 0) @ self.out + self.out_bias[0]
