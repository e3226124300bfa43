"""Head and torso poses of a subject's frames as tensors."""

from __future__ import annotations

import torch

from unigs.model.anchor import Body
from unigs.subject.performance import Performance


class PoseTensors:
    """Poses of all frames on one device.

    Attributes:
        R: rotations of the head poses [T,3,3]; refined in place.
        t: translations of the head poses [T,3], meters; refined in place.
        tracked: whether the torso was tracked.

    Args:
        performance: the subject's head poses, and the torso's own frame if it was tracked.
        device: device of the field.
    """

    def __init__(self, performance: Performance, device: torch.device) -> None:
        self.R, self.t = _tensors(device, performance.head.R, performance.head.t)
        self.tracked = performance.torso is not None
        if self.tracked:
            torso = performance.torso.R, performance.torso.t, performance.outline
            self._torso = Body(*_tensors(device, *torso))

    def head(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        """R [3,3] and t [3] of the head."""
        return self.R[frame], self.t[frame]

    def body(self, frame: int) -> Body | None:
        """The torso's frame, or None: at rest."""
        return self.bodies(frame) if self.tracked else None

    def bodies(self, frames: object) -> Body:
        """The torso's frame at an index [..] or at indices [n], which give a first dimension n."""
        torso = self._torso
        return Body(torso.R[frames], torso.t[frames], torso.outline[frames])


def _tensors(device: torch.device, *arrays: object) -> list[torch.Tensor]:
    return [torch.from_numpy(x).to(device) for x in arrays]
