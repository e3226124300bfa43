"""Where the face's surface is: no Gaussian of the head lies far in front of the fitted mesh.

Not in the paper. Within the few angles of a talking head, a speck that hangs two centimeters in
front of the cheek explains the training frames as well as skin does; in the next angle it slides
over the face as a fleck, or covers a brow.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.interpolate import LinearNDInterpolator

from unigs.face.mesh import VERTICES
from unigs.model.gaussians import Gaussians
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset

CELLS = 128
"""Cells of the depth map along each side of the face mesh."""
BESIDE = -torch.inf
"""Limit of the depth beside the face mesh: none."""


class FaceSurface:
    """The least depth of Gaussians before the face, as a map over x and y of the head's frame.

    Args:
        shape: face mesh in the head's frame [468 or more,3], meters; z grows away from the camera.
        margin: distance by which a Gaussian may lie in front of the mesh, meters, measured at right
            angles to the mesh: along z it is longer where the mesh is steep.
        device: device of the Gaussians.
    """

    def __init__(self, shape: np.ndarray, margin: float, device: torch.device) -> None:
        mesh = np.asarray(shape, dtype=np.float64)[:VERTICES]
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        axes = [np.linspace(*ends, CELLS) for ends in zip(low, high, strict=True)]
        # Row: y, column: x.
        depth = LinearNDInterpolator(mesh[:, :2], mesh[:, 2])(*np.meshgrid(*axes))
        slope_y, slope_x = np.gradient(depth, axes[1], axes[0])
        limit = depth - margin * np.sqrt(1 + slope_x**2 + slope_y**2)
        limit[~np.isfinite(limit)] = BESIDE
        # A border of one cell stands for all that lies beside the map.
        limit = np.pad(limit, 1, constant_values=BESIDE)
        self.limit = torch.from_numpy(limit).float().to(device)
        cell = (high - low) / (CELLS - 1)
        self.scale = torch.from_numpy(1 / cell).float().to(device)
        self.origin = torch.from_numpy(1 - low / cell).float().to(device)

    def least_depth(self, means: torch.Tensor) -> torch.Tensor:
        """Least z [N] of centers [N,3]; minus infinity beside the face."""
        cells = torch.addcmul(self.origin, means[:, :2], self.scale)
        column, row = cells.round().long().clamp(0, CELLS + 1).unbind(1)
        return self.limit.take(row * (CELLS + 2) + column)

    @torch.no_grad()
    def hold(self, field: Gaussians) -> None:
        """Move every Gaussian that lies too far in front of the face back to the limit, along z."""
        depth = field.means[:, 2]
        depth.copy_(torch.maximum(depth, self.least_depth(field.means)))


def surface_of(
    dataset: Dataset, settings: StaticSettings, device: torch.device
) -> FaceSurface | None:
    """The face's surface of a subject; None if the settings leave Gaussians anywhere."""
    if not settings.face_margin:
        return None
    return FaceSurface(dataset.poses.shape, settings.face_margin, device)
