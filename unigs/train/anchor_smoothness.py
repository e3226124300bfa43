"""Gaussians that lie side by side follow the torso alike (`static.lambda_anchor`).

Not in the paper. Each Gaussian learns the weight of its anchor for itself, and within the few
postures of a clip strands of hair that lie side by side explain the frames as well with weights
that differ. In the next posture they part, and what was a strand is a row of dots.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree

from unigs.model.gaussians import Gaussians
from unigs.model.portrait import Portrait
from unigs.settings.static import StaticSettings
from unigs.train.losses import anchor_loss

NEIGHBORS = 8
"""Nearest Gaussians, by their centers, that each is compared with."""
REFRESH = 100
"""Steps after which neighbors are looked up anew: centers move by millimeters in that time."""


class AnchorSmoothness:
    """The loss between the anchors of neighbors.

    In each step every Gaussian is compared with one of its neighbors, in turns: a quarter of the
    time that all of them take, with the same mean.

    Args:
        weight: weight of the loss, `static.lambda_anchor`.
        layers: number of layers of the portrait, each of which is smooth by itself.
    """

    def __init__(self, weight: float, layers: int = 1) -> None:
        self.weight = weight
        self.neighbors = [torch.zeros(0, NEIGHBORS, dtype=torch.long)] * layers

    @staticmethod
    def of(portrait: Portrait, settings: StaticSettings) -> AnchorSmoothness | None:
        """That of a portrait; None if the settings ask for none.

        Args:
            portrait: the portrait, for its number of layers.
            settings: settings of the static stage.
        """
        asked = settings.anchor and settings.lambda_anchor
        return AnchorSmoothness(settings.lambda_anchor, len(portrait.layers)) if asked else None

    def loss(self, field: Gaussians, step: int, layer: int = 0) -> torch.Tensor:
        """The weighted loss of a layer in a training step.

        Args:
            field: the layer's Gaussians, with anchors, more than `NEIGHBORS`.
            step: number of the step.
            layer: number of the layer, front to back.
        """
        if not len(self.neighbors[layer]) or step % REFRESH == 0:
            self.neighbors[layer] = nearest(field.means)
        other = self.neighbors[layer][:, step % NEIGHBORS]
        opacities, weights = field.activated_opacities().detach(), field.anchors.sigmoid()
        return self.weight * anchor_loss(weights, weights[other], opacities * opacities[other])

    def renumbered(self) -> None:
        """Forget the neighbors: density control gave the Gaussians new numbers.

        Their count does not tell, since under a cap as many are added as were pruned.
        """
        self.neighbors = [neighbors[:0] for neighbors in self.neighbors]

    def state(self) -> list[torch.Tensor]:
        """What resuming needs: the neighbors, which belong to centers of an earlier step."""
        return self.neighbors

    def load_state(self, state: list[torch.Tensor], device: torch.device) -> None:
        """Restore a state from `state` on a device."""
        self.neighbors = [neighbors.to(device) for neighbors in state]


def nearest(means: torch.Tensor) -> torch.Tensor:
    """Numbers [N,NEIGHBORS] of the nearest other centers of each of [N,3], on their device."""
    # A training that went astray is stopped by its own guard, not by the tree.
    points = np.nan_to_num(means.detach().cpu().numpy())
    found = cKDTree(points).query(points, NEIGHBORS + 1)[1]
    # Of several on one point any may be found first, and a Gaussian may miss itself.
    own = found == np.arange(len(points))[:, None]
    own[~own.any(1), -1] = True
    return torch.from_numpy(found[~own].reshape(len(points), NEIGHBORS)).to(means.device)
