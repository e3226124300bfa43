"""A linear face model in memory: what every reader gives and the one file holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unigs.stage.files import save_npz

UNITS = {"meters": 1.0, "millimeters": 1e-3, "micrometers": 1e-6}
"""Units that published models have, in meters."""
SMALLEST, LARGEST = 0.08, 0.8
"""Meters that the longest side of a face or head may have."""


@dataclass(frozen=True)
class FaceModel:
    """Directions of identity and expression around a mean face."""

    mean: np.ndarray
    """Mean vertices [V,3]."""
    shape: np.ndarray
    """Directions of identity [3V,S], vertex by vertex."""
    shape_std: np.ndarray
    """Standard deviation of each coefficient of identity [S]."""
    expression: np.ndarray
    """Directions of expression [3V,E]; E may be 0."""
    expression_std: np.ndarray
    """Standard deviation of each coefficient of expression [E]; NaN where the file gives none."""
    triangles: np.ndarray | None = None
    """Vertex numbers of the faces [F,3], where the file has them."""

    def checked(self) -> FaceModel:
        """The same model in meters.

        Raises:
            ValueError: arrays do not fit each other, hold numbers that are not finite, or the model
                has the size of no head in any unit.
        """
        rows = self.mean.size
        fits = (
            self.mean.ndim == 2 and self.mean.shape[1] == 3 and rows > 0
            and self.shape.ndim == 2 and self.shape.shape[0] == rows
            and self.shape_std.shape == self.shape.shape[1:]
            and self.expression.ndim == 2 and self.expression.shape[0] == rows
            and self.expression_std.shape == self.expression.shape[1:]
        )  # fmt: skip
        if not fits:
            raise ValueError("its arrays do not fit each other")
        if not all(np.isfinite(a).all() for a in (self.mean, self.shape, self.shape_std)):
            raise ValueError("it holds numbers that are not finite")
        side = float(np.ptp(self.mean, axis=0).max())
        for unit in UNITS.values():
            if SMALLEST <= side * unit <= LARGEST:
                return self._scaled(unit)
        raise ValueError(f"its longest side is {side:.3g}, which is no head in {', '.join(UNITS)}")

    def _scaled(self, unit: float) -> FaceModel:
        parts = {name: getattr(self, name) * unit for name in ("mean", "shape", "expression")}
        return replace(self, **parts)

    def with_points(self, corners: np.ndarray, weights: np.ndarray) -> FaceModel:
        """The model with further vertices, each a mean of three.

        Args:
            corners: vertex numbers [N,3].
            weights: shares of the three [N,3], which add up to 1.
        """
        if not len(corners):
            return self

        def extended(values: np.ndarray) -> np.ndarray:
            by_vertex = values.reshape(len(self.mean), 3, -1)
            added = np.einsum("nk,nkic->nic", weights, by_vertex[corners])
            return np.concatenate([by_vertex, added.astype(values.dtype)])

        mean = extended(self.mean)[..., 0]
        rows = mean.size
        flat = {n: extended(getattr(self, n)).reshape(rows, -1) for n in ("shape", "expression")}
        return replace(self, mean=mean, **flat)


def write_model(
    path: Path, model: FaceModel, ibug: np.ndarray, vertices: np.ndarray,
    right: np.ndarray, left: np.ndarray,
) -> None:  # fmt: skip
    """Write the file that fit_pose reads, as a whole or not at all.

    Args:
        path: file to write (.npz).
        model: checked model, meters.
        ibug: numbers [L], 1 to 68, of the iBUG annotation's landmarks that have a vertex.
        vertices: their vertex numbers [L].
        right: vertices of the jaw on the person's right, which is the image's left; may be empty.
        left: the same on the other side.
    """
    arrays = {
        "mean": model.mean, "shape": model.shape, "shape_std": model.shape_std,
        "expression": model.expression, "expression_std": model.expression_std,
    }  # fmt: skip
    numbers = {"ibug": ibug, "vertices": vertices, "right_contour": right, "left_contour": left}
    save_npz(
        path,
        **{name: np.asarray(value, np.float32) for name, value in arrays.items()},
        **{name: np.asarray(value, np.int32) for name, value in numbers.items()},
    )
