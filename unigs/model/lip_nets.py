"""What predicts the lips of a speech window: a linear map, or an ensemble of small networks."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from unigs.speech.lip_prior import HALF

SURE, RAMP = 0.1, 0.1
"""Score (`unigs.speech.closure_score`) from which on lips meet unless a clip speaks against it, and
how much more of it there is when they meet in full."""
PRESS = 0.75
"""How far below the least opening seen (z-scored) a closure goes: the field answers the least
openings in part only, so that lips that should meet stay a little apart."""


class CalibratedLips(nn.Module):
    """Raw predictions, and what gives them the spread and the range of a person's lips.

    Args:
        lip_dim: numbers that describe the lips, K.

    Attributes:
        gain: factor [K] that gives raw predictions the spread of the measured lips.
        bias: offset [K] subtracted before the gain is applied.
        low: lower limit [K] of predictions, from the measured lips.
        high: upper limit [K] of predictions, from the measured lips.
    """

    def __init__(self, lip_dim: int) -> None:
        super().__init__()
        self.lip_dim = lip_dim
        self.register_buffer("gain", torch.ones(lip_dim))
        self.register_buffer("bias", torch.zeros(lip_dim))
        self.register_buffer("low", torch.full((lip_dim,), -4.0))
        self.register_buffer("high", torch.full((lip_dim,), 4.0))

    def calibrated(self, raw: torch.Tensor) -> torch.Tensor:
        """Raw predictions [B,K], with the spread and within the range of the measured lips."""
        return ((raw - self.bias) * self.gain).clamp(self.low, self.high)


class LipMap(CalibratedLips):
    """A linear map of the middle of a window: all that is needed where features carry the lips.

    Args:
        dim: D, coefficients of a column.
        lip_dim: K, numbers that describe the lips.

    Attributes:
        weights: matrix [(2 HALF + 1) D, K].
    """

    def __init__(self, dim: int, lip_dim: int) -> None:
        super().__init__(lip_dim)
        self.register_buffer("weights", torch.zeros((2 * HALF + 1) * dim, lip_dim))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Calibrated lip shapes [B,K] of speech windows [B,W,D]."""
        return self.calibrated(self.part(windows) @ self.weights)

    @staticmethod
    def part(windows: torch.Tensor, later: int = 0) -> torch.Tensor:
        """What a map hears [B,I] of windows [B,W,D]: their middles, or as many columns later."""
        first = windows.shape[1] // 2 - HALF + later
        return windows[:, first : first + 2 * HALF + 1].flatten(1)


class ClosingLipMap(LipMap):
    """A linear map that knows p, b and m: for them the lips meet.

    A regression answers a short closure with a dip. Where a score of the same features is sure of
    a closure, the opening goes to the least that the person was seen to have instead, and a little
    further.

    Args:
        dim: D, coefficients of a column.
        lip_dim: K, numbers that describe the lips.
        hidden: H, hidden units of the score (`unigs.speech.closure_score.ClosureScore`).

    Attributes:
        sure: score [1] at which the lips begin to meet.
        closure_hidden: weights [(2 HALF + 1) D,H] of the hidden units.
        closure_hidden_bias: biases [H] of the hidden units.
        closure_out: weights [H] of the score.
        closure_out_bias: bias [1] of the score.
    """

    def __init__(self, dim: int, lip_dim: int, hidden: int) -> None:
        super().__init__(dim, lip_dim)
        self.register_buffer("sure", torch.full((1,), SURE))
        self.register_buffer("closure_hidden", torch.zeros((2 * HALF + 1) * dim, hidden))
        self.register_buffer("closure_hidden_bias", torch.zeros(hidden))
        self.register_buffer("closure_out", torch.zeros(hidden))
        self.register_buffer("closure_out_bias", torch.zeros(1))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Calibrated lip shapes [B,K] of speech windows [B,W,D], which meet for p, b and m."""
        return self.meet(super().forward(windows), windows)

    def meet(self, shapes: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
        """Lip shapes [B,K] that meet as far as windows [B,W,D] ask for it.

        A frame is two columns long: a closure in either is one of the frame.
        """
        score = torch.maximum(self.score(windows, 0), self.score(windows, 1))
        share = ((score - self.sure) / RAMP).clamp(0, 1)
        opening = shapes[:, 0] + share * (self.low[0] - PRESS - shapes[:, 0])
        return torch.cat([opening[:, None], shapes[:, 1:]], 1)

    def score(self, windows: torch.Tensor, later: int) -> torch.Tensor:
        """How surely p, b or m sounds [B] in the middle of windows, or as many columns later."""
        units = torch.relu(
            self.part(windows, later) @ self.closure_hidden + self.closure_hidden_bias
        )
        return units @ self.closure_out + self.closure_out_bias


class LipNets(CalibratedLips):
    """An ensemble of small convolutional networks, run as one by grouped convolutions.

    The second half of the members sees the features partly whitened, so that their errors
    correlate less with those of the first half.

    Attributes:
        view: matrix [D,D] that partly whitens the features of the second half.
    """

    def __init__(self, window: int, dim: int, lip_dim: int, members: int, hidden: int) -> None:
        super().__init__(lip_dim)
        self.members = members
        g, h = members, hidden
        self.conv1 = nn.Conv1d(g * dim, g * h, 3, stride=2, padding=1, groups=g)
        self.conv2 = nn.Conv1d(g * h, g * h, 3, stride=2, padding=1, groups=g)
        self.conv3 = nn.Conv1d(g * h, g * h, 3, padding=1, groups=g)
        length = ((window + 1) // 2 + 1) // 2
        # Kernels as long as the remaining sequence: a dense layer for each member.
        self.dense = nn.Conv1d(g * h, g * h, length, groups=g)
        self.out = nn.Conv1d(g * h, g * lip_dim, 1, groups=g)
        self.register_buffer("view", torch.eye(dim))

    def views(self, windows: torch.Tensor) -> torch.Tensor:
        """Inputs of the members [B,G,W,D], of windows [B,W,D] for all or [B,G,W,D] for each."""
        if windows.dim() == 3:
            windows = windows[:, None].expand(-1, self.members, -1, -1)
        half = self.members - self.members // 2
        return torch.cat([windows[:, :half], windows[:, half:] @ self.view], 1)

    def each(self, windows: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
        """Predictions [B,G,K] of every member, uncalibrated.

        Args:
            windows: [B,G,W,D], from `views`.
            dropout: share of the channels' values that is dropped, in pre-training alone. The
                module's training mode does not switch it, since while the field trains the lip
                networks are frozen and predict without dropout.
        """
        x = windows.transpose(2, 3).flatten(1, 2)
        for layer in (self.conv1, self.conv2, self.conv3, self.dense):
            x = functional.dropout(functional.gelu(layer(x)), dropout)
        return self.out(x)[..., 0].unflatten(1, (self.members, self.lip_dim))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Calibrated lip shapes [B,K]."""
        return self.calibrated(self.each(self.views(windows)).mean(1))
