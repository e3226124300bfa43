"""From a window of speech features to the audio feature `a` and to the shape of the lips.

The audio feature is learned from pictures, through the whole field. On minutes of video that
gradient is too weak: the field ignores speech. So the lips have networks of their own, which learn
from landmarks in seconds, before the field is trained (`unigs.train.lip_training`).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class SpeechNet(nn.Module):
    """Audio feature and lip shape of speech windows.

    Args:
        window: W, columns of a window.
        dim: D, coefficients of a column.
        feature_dim: length of the audio feature `a`.
        lip_dim: numbers that describe the lips (opening, width, ...); 0: no lip networks.
        members: size of the ensemble of lip networks; each member is trained on other frames, the
            prediction is their mean.
        hidden: channels of one lip network.
    """

    def __init__(
        self,
        window: int,
        dim: int,
        feature_dim: int = 32,
        lip_dim: int = 2,
        members: int = 12,
        hidden: int = 32,
    ) -> None:
        super().__init__()
        self.window, self.dim = window, dim
        self.feature_dim, self.lip_dim = feature_dim, lip_dim
        self.audio = AudioNet(window, dim, feature_dim)
        self.lip_net = LipNets(window, dim, lip_dim, members, hidden) if lip_dim else None

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Speech windows [B,W,D] to audio features [B,feature_dim]."""
        return self.audio(windows)

    def lips(self, windows: torch.Tensor) -> torch.Tensor:
        """Speech windows [B,W,D] to z-scored lip shapes [B,lip_dim], spread as measured ones."""
        if self.lip_net is None:
            return windows.new_zeros(len(windows), 0)
        return self.lip_net(windows)


class AudioNet(nn.Module):
    """Convolutions over a window's columns, then attention pooling: [B,W,D] to [B,out]."""

    def __init__(self, window: int, dim: int, out: int, channels: int = 64) -> None:
        super().__init__()
        self.columns = nn.Sequential(
            nn.Conv1d(dim, channels, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, channels, 3, padding=1),
            nn.GELU(),
        )
        self.attention = nn.Conv1d(channels, 1, 1)
        # Position encoding: a convolution does not know at which time a column stands.
        self.place = nn.Parameter(torch.zeros(window))
        self.out = nn.Linear(channels, out)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        hidden = self.columns(windows.transpose(1, 2))
        weights = (self.attention(hidden)[:, 0] + self.place).softmax(-1)
        return self.out((hidden * weights[:, None]).sum(-1))


class LipNets(nn.Module):
    """An ensemble of small convolutional networks, run as one by grouped convolutions.

    The second half of the members sees the features partly whitened, so that their errors
    correlate less with those of the first half.

    Attributes:
        gain: factor [K] that gives the ensemble's mean the spread of the measured lips.
        bias: offset [K] subtracted before the gain is applied.
        view: matrix [D,D] that partly whitens the features of the second half.
        low: lower limit [K] of predictions, from the measured lips.
        high: upper limit [K] of predictions, from the measured lips.
    """

    def __init__(self, window: int, dim: int, lip_dim: int, members: int, hidden: int) -> None:
        super().__init__()
        self.members, self.lip_dim = members, lip_dim
        g, h = members, hidden
        self.conv1 = nn.Conv1d(g * dim, g * h, 3, stride=2, padding=1, groups=g)
        self.conv2 = nn.Conv1d(g * h, g * h, 3, stride=2, padding=1, groups=g)
        self.conv3 = nn.Conv1d(g * h, g * h, 3, padding=1, groups=g)
        length = ((window + 1) // 2 + 1) // 2
        # Kernels as long as the remaining sequence: a dense layer for each member.
        self.dense = nn.Conv1d(g * h, g * h, length, groups=g)
        self.out = nn.Conv1d(g * h, g * lip_dim, 1, groups=g)
        self.register_buffer("view", torch.eye(dim))
        self.register_buffer("gain", torch.ones(lip_dim))
        self.register_buffer("bias", torch.zeros(lip_dim))
        self.register_buffer("low", torch.full((lip_dim,), -4.0))
        self.register_buffer("high", torch.full((lip_dim,), 4.0))

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

    def calibrated(self, mean: torch.Tensor) -> torch.Tensor:
        """The members' mean [B,K], with the spread and within the range of the measured lips."""
        return ((mean - self.bias) * self.gain).clamp(self.low, self.high)
