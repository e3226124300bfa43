"""From a window of speech features to the audio feature `a` and to the shape of the lips.

The audio feature is learned from pictures, through the whole field. On minutes of video that
gradient is too weak: the field ignores speech. So the lips have networks of their own, which learn
from landmarks in seconds, before the field is trained (`unigs.lips.networks`).
"""

from __future__ import annotations

import torch
from torch import nn

from unigs.model.lip_nets import ClosingLipMap, LipMap, LipNets
from unigs.speech.lip_prior import HALF

CLOSING = "closing map"
MAPS = {"map": LipMap, CLOSING: ClosingLipMap}
"""Linear maps by their names in a portrait's file."""


class SpeechNet(nn.Module):
    """Audio feature and lip shape of speech windows.

    Args:
        window: W, columns of a window.
        dim: D, coefficients of a column.
        feature_dim: length of the audio feature `a`.
        lip_dim: numbers that describe the lips (opening, width, ...); 0: no lip networks.
        members: size of the ensemble of lip networks; each member is trained on other frames, the
            prediction is their mean.
        hidden: channels of one lip network, or hidden units of a closing map's score.
        lips: what predicts the lips, "networks" (`LipNets`), "map" (`LipMap`) or "closing map"
            (`ClosingLipMap`).

    Raises:
        ValueError: the window is shorter than what a lip map hears.
    """

    def __init__(
        self,
        window: int,
        dim: int,
        feature_dim: int = 32,
        lip_dim: int = 2,
        members: int = 12,
        hidden: int = 32,
        lips: str = "networks",
    ) -> None:
        super().__init__()
        self.window, self.dim = window, dim
        self.feature_dim, self.lip_dim = feature_dim, lip_dim
        self.audio = AudioNet(window, dim, feature_dim)
        if not lip_dim:
            self.lip_net = None
        elif lips in MAPS:
            least = 2 * HALF + (3 if lips == CLOSING else 1)
            if window < least:
                raise ValueError(f"a {lips} hears {least} columns, a window has {window}")
            self.lip_net = MAPS[lips](dim, lip_dim, *([hidden] if lips == CLOSING else []))
        else:
            self.lip_net = LipNets(window, dim, lip_dim, members, hidden)

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
