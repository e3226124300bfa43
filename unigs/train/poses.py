"""Head and body poses of a subject's frames as tensors."""

from __future__ import annotations

import torch

from unigs.model.anchor import Body
from unigs.subject.dataset import Dataset


class Poses:
    """Poses of all frames on one device.

    Args:
        dataset: head poses, and the torso's own if it was tracked.
        device: where the field lives.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.R = torch.from_numpy(dataset.R).to(device)
        self.t = torch.from_numpy(dataset.t).to(device)
        self.tracked = dataset.body_R is not None
        if self.tracked:
            self.body_R = torch.from_numpy(dataset.body_R).to(device)
            self.body_t = torch.from_numpy(dataset.body_t).to(device)
            self.body_outline = torch.from_numpy(dataset.body_outline).to(device)

    def head(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        """R [3,3] and t [3] of the head."""
        return self.R[frame], self.t[frame]

    def body(self, frame: int) -> Body | None:
        """The torso's frame, or None: at rest."""
        if not self.tracked:
            return None
        return Body(self.body_R[frame], self.body_t[frame], self.body_outline[frame])
