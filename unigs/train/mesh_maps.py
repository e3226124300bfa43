"""The face mesh as maps over x and y of the head's frame."""

from __future__ import annotations

import numpy as np
import torch
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

from unigs.face.mesh import VERTICES

CELLS = 128
"""Cells of a map along each side of the face mesh."""
ROUNDING = 1e-6
"""What interpolation between equal numbers may miss them by."""


class MeshMaps:
    """Depth and slant of the face mesh at the cells of a grid, and the cell of any point.

    Args:
        shape: face mesh in the head's frame [468 or more,3], meters.
        device: device of the points.
    """

    def __init__(self, shape: np.ndarray, device: torch.device) -> None:
        self.mesh, self.device = np.asarray(shape, dtype=np.float64)[:VERTICES], device
        low, high = self.mesh[:, :2].min(0), self.mesh[:, :2].max(0)
        self.triangles = Delaunay(self.mesh[:, :2])
        self.axes = [np.linspace(*ends, CELLS) for ends in zip(low, high, strict=True)]
        # Row: y, column: x.
        self.depth = self._between(self.mesh[:, 2])
        """z of the mesh [CELLS,CELLS], meters; not a number beside it."""
        slope_y, slope_x = np.gradient(self.depth, self.axes[1], self.axes[0])
        self.slant = np.sqrt(1 + slope_x**2 + slope_y**2)
        """Distance along z for one at right angles to the mesh [CELLS,CELLS]."""
        self.on_mesh = np.isfinite(self.depth + self.slant)
        """Whether the mesh lies in a cell and its neighbors [CELLS,CELLS]."""
        cell = (high - low) / (CELLS - 1)
        self.scale = torch.from_numpy(1 / cell).float().to(device)
        self.origin = torch.from_numpy(1 - low / cell).float().to(device)

    def _between(self, values: np.ndarray) -> np.ndarray:
        """Values of the vertices [468], interpolated at the cells."""
        return LinearNDInterpolator(self.triangles, values)(*np.meshgrid(*self.axes))

    def where(self, vertices: np.ndarray | None) -> np.ndarray:
        """Whether all vertices around a cell are among those given [468] (None: all are)."""
        vertices = np.ones(len(self.mesh)) if vertices is None else vertices.astype(float)
        return self._between(vertices) >= 1 - ROUNDING

    def put(self, values: np.ndarray, beside: float) -> torch.Tensor:
        """A map of values [CELLS,CELLS], with a border of one cell for all that lies beside."""
        return torch.from_numpy(np.pad(values, 1, constant_values=beside)).float().to(self.device)

    def cells(self, means: torch.Tensor) -> torch.Tensor:
        """Index [N] of the cells of centers [N,3] in a map from `put`."""
        cells = torch.addcmul(self.origin, means[:, :2], self.scale)
        column, row = cells.round().long().clamp(0, CELLS + 1).unbind(1)
        return row * (CELLS + 2) + column
