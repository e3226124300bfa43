"""What both ways of learning lips from speech share: folds, the lips at rest, the result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unigs.stage.errors import UserError
from unigs.subject.frame_table import FEWEST_TRAINING_FRAMES

FOLD_GAP = 10
"""Frames around a fold that its members do not use either, since neighboring windows share most of
their speech."""
FOLDS = 6
"""Contiguous parts of the training frames; each member of the ensemble leaves one out. There are
fewer in a short clip, since a fold is at least as long as the two gaps around it."""
SILENT_SHARE = 0.06
"""Share of a batch that is silence, with the mouth at rest."""
LARGEST_GAIN = 2.5
"""Largest gain of the calibration: predictions without information must not be amplified to the
full spread of the lips."""


@dataclass(frozen=True)
class LipTraining:
    """Result of pre-training."""

    out_of_fold: np.ndarray
    """Calibrated predictions for every frame, float32 [T,K]. Training frames are predicted by
    networks that have not seen them or their neighbors, so that the field learns how reliable
    speech is; other frames by all networks."""
    correlation: np.ndarray
    """Correlation of out-of-fold predictions with the truth over the training frames [K]."""
    rest: np.ndarray
    """Lip shape of silence [K]."""


def resting_shape(lips: np.ndarray) -> np.ndarray:
    """Closed lips, float32 [K]: the mean of the twentieth of the frames that open them least."""
    opening = lips[:, 0]
    return lips[opening <= np.quantile(opening, 0.05)].mean(0).astype(np.float32)


def correlation(unseen: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Correlation [K] of out-of-fold predictions [n,K] with the truth [n,K]."""
    mean, spread = unseen.mean(0), np.maximum(unseen.std(0), 1e-6)
    return ((unseen - mean) * (truth - truth.mean(0))).mean(0) / spread / truth.std(0)


def limits(truth: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Range [K], [K] of measured lips [n,K], the lips at rest [K] included.

    Amplified silence would press the lips together more than they can be.
    """
    return np.minimum(np.quantile(truth, 0.005, 0), rest), np.quantile(truth, 0.995, 0)


@dataclass(frozen=True)
class Folds:
    """Assignment of the used frames to the members of the ensemble."""

    frames: np.ndarray
    edges: np.ndarray
    members: int

    def __len__(self) -> int:
        """Number of folds."""
        return len(self.edges) - 1

    def of(self, member: int) -> int:
        return member % len(self)

    def left_out(self, member: int) -> np.ndarray:
        """Positions in `frames` that the member does not see, [n] bool."""
        position = np.arange(len(self.frames))
        first, last = self.edges[self.of(member)], self.edges[self.of(member) + 1]
        return (position >= first) & (position < last)

    def allowed(self, member: int) -> np.ndarray:
        """Positions in `frames` that the member learns from, [n] bool."""
        out = self.frames[self.left_out(member)]
        return (self.frames < out[0] - FOLD_GAP) | (self.frames > out[-1] + FOLD_GAP)


def contiguous_folds(frames: np.ndarray, members: int) -> Folds:
    """Contiguous parts of the frames, each left out by some members.

    Args:
        frames: frames that may be used, in order.
        members: number of learners.

    Raises:
        UserError: the frames are too few.
    """
    if len(frames) < FEWEST_TRAINING_FRAMES:
        raise UserError(
            f"{len(frames)} training frames with a face are too few to learn the lips from, "
            f"{FEWEST_TRAINING_FRAMES} are needed: use a longer or cleaner clip."
        )
    count = min(FOLDS, members, len(frames) // (2 * FOLD_GAP))
    return Folds(frames, np.linspace(0, len(frames), count + 1).astype(int), members)
