"""Head and torso poses of a subject's frames as tensors."""

from __future__ import annotations

from dataclasses import replace

import torch

from unigs.model.anchor import Body
from unigs.subject.performance import Performance


class PoseTensors:
    """Poses of all frames on one device.

    Attributes:
        R: rotations of the head poses [T,3,3]; refined in place.
        t: translations of the head poses [T,3], meters; refined in place.
        torso: the torso's frames, R [T,3,3], t [T,3] and outline [T,2]; refined in place; None: it
            was not tracked.

    Args:
        performance: the subject's head poses, and the torso's own frame if it was tracked.
        device: device of the field.
    """

    def __init__(self, performance: Performance, device: torch.device) -> None:
        self.R, self.t = _tensors(device, performance.head.R, performance.head.t)
        self.torso: Body | None = None
        if performance.torso is not None:
            torso = performance.torso.R, performance.torso.t, performance.outline
            self.torso = Body(*_tensors(device, *torso))

    @property
    def tracked(self) -> bool:
        """Whether the torso was tracked."""
        return self.torso is not None

    def head(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        """R [3,3] and t [3] of the head."""
        return self.R[frame], self.t[frame]

    def body(self, frame: int) -> Body | None:
        """The torso's frame, or None: at rest."""
        return self.bodies(frame) if self.tracked else None

    def bodies(self, frames: object) -> Body:
        """The torso's frame at an index [..] or at indices [n], which give a first dimension n."""
        torso = self.torso
        return Body(torso.R[frames], torso.t[frames], torso.outline[frames])

    def state(self) -> dict[str, torch.Tensor]:
        """All that is refined, for a checkpoint."""
        torso = {} if self.torso is None else {"torso_R": self.torso.R, "torso_t": self.torso.t}
        return {"R": self.R, "t": self.t} | torso

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Take over a state from `state`."""
        own = {name: value.to(self.R.device) for name, value in state.items()}
        self.R, self.t = own["R"], own["t"]
        if self.torso is not None:
            self.torso = replace(self.torso, R=own["torso_R"], t=own["torso_t"])


def _tensors(device: torch.device, *arrays: object) -> list[torch.Tensor]:
    return [torch.from_numpy(x).to(device) for x in arrays]
