"""Which training frames each step sees, and which are held out for validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class FrameSampler:
    """Every frame once per round, in random order; resumable.

    Args:
        frames: indices to draw from.
        seed: seed of the order.
        rare: frames that are drawn out of turn.
        rare_share: probability of drawing one of `rare`.
    """

    def __init__(
        self, frames: np.ndarray, seed: int, rare: Sequence[int] = (), rare_share: float = 0.0
    ) -> None:
        self.frames, self.rare, self.rare_share = frames, np.asarray(rare, int), rare_share
        self.generator = np.random.default_rng(seed)
        self.queue: list[int] = []

    def next(self) -> int:
        """Index of the next frame."""
        if len(self.rare) and self.generator.random() < self.rare_share:
            return int(self.generator.choice(self.rare))
        if not self.queue:
            self.queue = self.generator.permutation(self.frames).tolist()
        return int(self.queue.pop())

    def state(self) -> dict:
        """Position in the round and in the random sequence."""
        return {"queue": list(self.queue), "generator": self.generator.bit_generator.state}

    def load_state(self, state: dict) -> None:
        """Restore a state from `state`."""
        self.queue = list(state["queue"])
        self.generator.bit_generator.state = state["generator"]


def split_validation(frames: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut one block of `share` of the frames from the middle of their last third.

    Scattered frames would tell nothing, since neighboring frames are nearly equal.
    """
    count = int(round(len(frames) * share))
    if not count:
        return frames, frames[:0]
    start = int(len(frames) * 5 / 6) - count // 2
    start = min(start, len(frames) - count)
    held = np.arange(start, start + count)
    return np.delete(frames, held), frames[held]
