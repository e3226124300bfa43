"""The box around the head that blendshapes of the torso's pose leave alone (`body_blendshapes`)."""

from __future__ import annotations

import numpy as np
import torch

from unigs.face.mesh import CHIN
from unigs.subject.dataset import Dataset
from unigs.subject.labels import HAIR
from unigs.subject.series import evenly_spaced

MARGINS = (0.09, 0.14, 0.10), (0.09, 0.03, 0.18)
"""Margins of the box around the face's mesh, meters: to the right, above and in front, to the left,
below and behind. It holds the crown, but not hair on the shoulders."""
HANGING = 0.03
"""How much lower the box reaches where hair hangs beside the neck, meters. Where none does, collar
and tie under the chin answer to the torso."""
HANGING_SHARE = 0.05
"""Share of the hair that lies below the chin, from which on it is taken to hang."""
FRAMES = 60
"""Most training frames in which that share is counted."""


def head_box(dataset: Dataset, frames: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Corners [3] of the box in the head's frame, meters: right, above, front; left, below, behind.

    Args:
        dataset: frames, with the fitted face mesh.
        frames: training frames, which tell whether hair hangs beside the neck.
    """
    face = torch.from_numpy(dataset.poses.shape)
    low, high = (torch.tensor(margins) for margins in MARGINS)
    if hair_below_chin(dataset, frames) >= HANGING_SHARE:
        high[1] += HANGING
    return face.amin(0) - low, face.amax(0) + high


def hair_below_chin(dataset: Dataset, frames: np.ndarray) -> float:
    """Share of the hair's pixels that lie below the chin; 0 without hair.

    Args:
        dataset: regions and landmarks.
        frames: training frames, of which at most FRAMES evenly spaced ones are looked at.
    """
    hair = below = 0
    for frame in evenly_spaced(frames, FRAMES):
        chin = dataset.landmarks.points[frame, CHIN, 1]
        if np.isfinite(chin):
            rows = dataset.shows(int(frame), HAIR).sum(1).cpu()
            hair += int(rows.sum())
            below += int(rows[max(0, int(np.ceil(chin))) :].sum())
    return below / hair if hair else 0.0
