"""What keeps to the face's surface: nothing hangs before the skin, and no needle lies in it.

Not in the paper. Within the few angles of a talking head, a speck that hangs two centimeters in
front of the cheek explains the training frames as well as skin does, and so does a heap of needles
that cross each other; in the next angle the speck slides over the face as a fleck, or covers a
brow, and the needles are scratches.
"""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import torch
from scipy.interpolate import LinearNDInterpolator

from unigs.face.mesh import VERTICES
from unigs.model.gaussians import Gaussians
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset
from unigs.train.bare_skin import bare_skin, smallest_in_skin

CELLS = 128
"""Cells of the depth map along each side of the face mesh."""
BESIDE = -torch.inf
"""Limit of the depth beside the face mesh: none."""
SKIN_DEPTH = 0.015
"""Distance behind the least depth within which a Gaussian counts as skin, meters: the margin, and
what a fitted mesh misses a face by."""
ROUNDING = 1e-6
"""What interpolation between equal numbers may miss them by."""


class FaceSurface:
    """The least depth of Gaussians before the face, as a map over x and y of the head's frame.

    Args:
        shape: face mesh in the head's frame [468 or more,3], meters; z grows away from the camera.
        margin: distance by which a Gaussian may lie in front of the mesh, meters, measured at right
            angles to the mesh: along z it is longer where the mesh is steep.
        device: device of the Gaussians.
        aspect: most that an axis of a Gaussian in the skin may be longer than another; 0: any.
        bare: whether each vertex is bare skin [468], bool; None: all are.
        smallest: least standard deviation of a Gaussian in the skin, meters.
    """

    def __init__(
        self,
        shape: np.ndarray,
        margin: float,
        device: torch.device,
        aspect: float = 0.0,
        bare: np.ndarray | None = None,
        smallest: float = 0.0,
    ) -> None:
        mesh = np.asarray(shape, dtype=np.float64)[:VERTICES]
        bare = np.ones(len(mesh)) if bare is None else bare
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        axes = [np.linspace(*ends, CELLS) for ends in zip(low, high, strict=True)]
        values = np.column_stack([mesh[:, 2], bare])
        # Row: y, column: x.
        depth, bare = np.moveaxis(
            LinearNDInterpolator(mesh[:, :2], values)(*np.meshgrid(*axes)), -1, 0
        )
        slope_y, slope_x = np.gradient(depth, axes[1], axes[0])
        limit = depth - margin * np.sqrt(1 + slope_x**2 + slope_y**2)
        limit[~np.isfinite(limit)] = BESIDE
        skin = np.where(bare < 1 - ROUNDING, BESIDE, limit + SKIN_DEPTH)
        # A border of one cell stands for all that lies beside the map.
        self.limit, self.skin = (
            torch.from_numpy(np.pad(depths, 1, constant_values=BESIDE)).float().to(device)
            for depths in (limit, skin)
        )
        cell = (high - low) / (CELLS - 1)
        self.scale = torch.from_numpy(1 / cell).float().to(device)
        self.origin = torch.from_numpy(1 - low / cell).float().to(device)
        self.half_range = 0.5 * math.log(max(aspect, 1)) if aspect else math.inf
        self.smallest = math.log(smallest) if smallest else -math.inf

    def cells(self, means: torch.Tensor) -> torch.Tensor:
        """Index [N] into the maps of centers [N,3]."""
        cells = torch.addcmul(self.origin, means[:, :2], self.scale)
        column, row = cells.round().long().clamp(0, CELLS + 1).unbind(1)
        return row * (CELLS + 2) + column

    def least_depth(self, means: torch.Tensor) -> torch.Tensor:
        """Least z [N] of centers [N,3]; minus infinity beside the face."""
        return self.limit.take(self.cells(means))

    @torch.no_grad()
    def hold(self, field: Gaussians) -> None:
        """Move what lies too far in front of the face back along z, and make needles rounder."""
        depth, cells = field.means[:, 2], self.cells(field.means)
        depth.copy_(torch.maximum(depth, self.limit.take(cells)))
        if math.isfinite(self.half_range):
            self._round(field.log_scales, depth < self.skin.take(cells))

    def _round(self, log_scales: torch.Tensor, skin: torch.Tensor) -> None:
        """Shorten the long axes and lengthen the short ones alike, until the range is kept."""
        # Column by column: torch is slow on rows of three.
        axes = log_scales.unbind(1)
        shortest, longest = reduce(torch.minimum, axes), reduce(torch.maximum, axes)
        middle = (shortest + longest) / 2
        half = torch.where(skin, self.half_range, math.inf)
        low, high = middle - half, middle + half
        low = torch.where(skin, low.clamp(min=self.smallest), low)
        for axis in axes:
            axis.copy_(axis.clamp(low, torch.maximum(low, high)))


def surface_of(
    dataset: Dataset, settings: StaticSettings, device: torch.device
) -> FaceSurface | None:
    """The face's surface of a subject; None if the settings let Gaussians lie anywhere.

    Args:
        dataset: frames, with the face's mesh, landmarks and regions.
        settings: settings of the static stage.
        device: device of the Gaussians.
    """
    if not settings.face_margin:
        return None
    shape, aspect = dataset.poses.shape, settings.face_aspect
    if not aspect:
        return FaceSurface(shape, settings.face_margin, device)
    return FaceSurface(
        shape, settings.face_margin, device, aspect, bare_skin(dataset), smallest_in_skin(dataset)
    )
