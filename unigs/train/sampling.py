"""Which training frames each step sees, which more often, and which validate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unigs.face.lips import OPENING, lip_shape
from unigs.subject.dataset import Dataset
from unigs.subject.features import ACTION_UNITS

CLOSED_EYE = 3.0
"""AU45 (0-5) above which an eye counts as closed."""
SHUT_LIPS_SHARE = 0.05
"""Share of the training frames that count as shut lips: those with the least opening."""
OPEN_MOUTH_SHARE = 0.1
"""Share of the training frames that count as open: those with the widest opening."""


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


def rare_frames(dataset: Dataset, frames: np.ndarray) -> list[int]:
    """Training frames with a closed eye, a wide open mouth or shut lips: what viewers look at.

    Each kind is repeated until it is as frequent as open mouths.
    """
    blink = dataset.performance.eyes[frames, ACTION_UNITS.index("AU45")] > CLOSED_EYE
    opening = lip_shape(dataset.landmarks.points[frames])[:, OPENING]
    wide = opening > np.nanquantile(opening, 1 - OPEN_MOUTH_SHARE)
    shut = opening < np.nanquantile(opening, SHUT_LIPS_SHARE)
    kinds = [frames[kind].tolist() for kind in (wide, blink, shut)]
    return [frame for k in kinds for frame in k * max(1, round(len(kinds[0]) / max(len(k), 1)))]
