"""What keeps to the face's surface: nothing far before or behind it, and no needle in the skin.

Not in the paper. Within the few angles of a talking head, a speck that hangs two centimeters in
front of the cheek explains the training frames as well as skin does, and so do dark specks that
shine through the skin from a centimeter behind it, or a heap of needles that cross each other; in
the next angle the specks slide over the face as flecks, or tear a brow, and the needles are
scratches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch

from unigs.model.gaussians import Gaussians
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset
from unigs.train.mesh_maps import MeshMaps
from unigs.train.mesh_masks import bare_skin, closed_face, smallest_in_skin

BESIDE = -torch.inf
"""Depth of a map where its rule does not hold, beside the face mesh too: nothing lies before it."""
INSIDE_HEAD = 0.03
"""Distance behind the mesh along z within which a Gaussian belongs to the face, meters: farther
behind a chin there is the neck."""


@dataclass(frozen=True)
class SkinRule:
    """How long and how small Gaussians may be in the skin."""

    aspect: float
    """Most that an axis may be longer than another."""
    bare: np.ndarray | None = None
    """Whether each vertex of the mesh is bare skin [468], bool; None: all are."""
    smallest: float = 0.0
    """Least standard deviation, meters."""


@dataclass(frozen=True)
class DepthRule:
    """How far Gaussians of the face may lie behind its mesh."""

    depth: float
    """Distance behind the mesh, meters, at right angles to it."""
    closed: np.ndarray | None = None
    """Whether the mesh hides what is behind each vertex [468], bool; None: everywhere."""


class FaceSurface:
    """Least and greatest depth of the face's Gaussians, as maps over x and y of the head's frame.

    Args:
        shape: face mesh in the head's frame [468 or more,3], meters; z grows away from the camera.
        margin: distance by which a Gaussian may lie in front of the mesh, meters, measured at right
            angles to the mesh: along z it is longer where the mesh is steep.
        device: device of the Gaussians.
        skin: how thin they may be; None: as thin as they like.
        behind: how far behind the mesh they may lie; None: anywhere.
    """

    def __init__(
        self,
        shape: np.ndarray,
        margin: float,
        device: torch.device,
        skin: SkinRule | None = None,
        behind: DepthRule | None = None,
    ) -> None:
        maps = self.maps = MeshMaps(shape, device)

        def everywhere(depths: np.ndarray) -> torch.Tensor:
            return maps.put(np.where(maps.on_mesh, depths, BESIDE), BESIDE)

        def within(vertices: np.ndarray | None) -> torch.Tensor:
            return everywhere(np.where(maps.where(vertices), maps.depth + INSIDE_HEAD, BESIDE))

        self.limit = everywhere(maps.depth - margin * maps.slant)
        self.skin = within(skin.bare) if skin else None
        self.closed = within(behind.closed) if behind else None
        self.deepest = everywhere(maps.depth + behind.depth * maps.slant) if behind else None
        self.half_range = 0.5 * math.log(max(skin.aspect, 1)) if skin else math.inf
        self.smallest = math.log(skin.smallest) if skin and skin.smallest else -math.inf

    @torch.no_grad()
    def hold(self, field: Gaussians) -> None:
        """Move along z what lies too far before or behind the face, and make needles rounder."""
        depth, cells = field.means[:, 2], self.maps.cells(field.means)
        depth.copy_(torch.maximum(depth, self.limit.take(cells)))
        if self.closed is not None:
            held = torch.minimum(depth, self.deepest.take(cells))
            depth.copy_(torch.where(depth < self.closed.take(cells), held, depth))
        if self.skin is not None:
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
    s, skin, behind = settings, None, None
    if not s.face_margin:
        return None
    if s.face_aspect:
        skin = SkinRule(s.face_aspect, bare_skin(dataset), smallest_in_skin(dataset))
    if s.face_depth:
        behind = DepthRule(s.face_depth, closed_face(dataset))
    return FaceSurface(dataset.poses.shape, s.face_margin, device, skin, behind)
