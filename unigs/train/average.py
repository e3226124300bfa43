"""Exponential moving average of all weights, less noisy than the weights of a single step."""

from __future__ import annotations

import torch
from torch import nn


class RunningAverage:
    """Exponential moving average of a module's floating-point state.

    The decay is warmed up, min(decay, (1 + n) / (10 + n)), so that the first weights are soon
    forgotten.

    Args:
        module: module to average; shapes of its parameters must not change.
        decay: decay of the average per step.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay, self.updates = module, decay, 0
        self.average = {k: v.detach().clone() for k, v in module.named_parameters()}

    @torch.no_grad()
    def update(self) -> None:
        """Add the current weights to the average."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        current = [parameter.detach() for _, parameter in self.module.named_parameters()]
        torch._foreach_lerp_(list(self.average.values()), current, 1 - decay)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The module's state with averaged parameters."""
        return {**self.module.state_dict(), **self.average}

    def state(self) -> dict:
        """What resuming needs: the averages, and how far the decay is warmed up."""
        return {"average": self.average, "updates": self.updates}

    def load_state(self, state: dict) -> None:
        """Restore a state from `state`."""
        for name, value in self.average.items():
            value.copy_(state["average"][name])
        self.updates = state["updates"]
