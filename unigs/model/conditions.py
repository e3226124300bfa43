"""Conditions of a frame: eye feature e and pose feature p, z-scored over the training frames."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from unigs.geometry.rotations import rotation_vector
from unigs.model.anchor import Body

POSE_DIM = 6
"""Numbers of the head's pose feature."""
BODY_DIM = 8
"""Numbers of the torso's pose feature."""


def pose_vector(R: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Pose feature p [...,6] before z-scoring: rotation vector, then translation in meters."""
    return torch.cat([rotation_vector(R), t], -1)


def body_vector(body: Body) -> torch.Tensor:
    """Pose feature of the torso [...,8] before z-scoring.

    Width, height and turn in the image plane, translation and outline in meters.
    """
    R = body.R
    turn = R[..., 1, 0] - R[..., 0, 1]
    outline = torch.zeros_like(body.t[..., :2]) if body.outline is None else body.outline
    return torch.cat([torch.stack([R[..., 0, 0], R[..., 1, 1], turn], -1), body.t, outline], -1)


class ZScore(nn.Module):
    """(x - mean) / std with constants from the training frames, clamped.

    Clamping keeps the MLP's inputs in the range of the training frames when a foreign pose drives
    it.

    Args:
        mean: mean of the training frames [D].
        std: standard deviation of the training frames [D].
        limit: largest absolute value.
    """

    LIMIT = 4.0

    def __init__(self, mean: torch.Tensor, std: torch.Tensor, limit: float = LIMIT) -> None:
        super().__init__()
        self.limit = limit
        self.register_buffer("mean", mean.float())
        self.register_buffer("std", std.float())

    @classmethod
    def of(cls, samples: np.ndarray | torch.Tensor, limit: float = LIMIT) -> ZScore:
        """Z-score with mean and deviation of samples [T,D]; a constant column keeps std 1."""
        samples = torch.as_tensor(samples).float()
        std = samples.std(0)
        return cls(samples.mean(0), torch.where(std > 1e-6, std, torch.ones_like(std)), limit)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Normalize [...,D]."""
        return ((values - self.mean) / self.std).clamp(-self.limit, self.limit)
