"""DeepSpeech 2 of the deepspeech.pytorch project (V3 checkpoints), for inference.

The checkpoints are Lightning pickles that name classes of packages that are not needed here;
`unigs.pretrained.weights` reads their tensors alone. Sizes are read off the weights.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from unigs.pretrained.weights import read_weights
from unigs.stage.errors import UserError

HOP, N_FFT = 160, 320
"""Samples between two columns of the spectrogram, and per column: 100 columns per second, of which
the time stride of the convolutions keeps 50."""


def read_deepspeech(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint.

    Raises:
        UserError: the file is no checkpoint of deepspeech.pytorch V3.
    """
    weights = read_weights(path)
    if "rnns.0.rnn.weight_hh_l0" not in weights:
        raise UserError(
            f"{path} is not a DeepSpeech checkpoint of deepspeech.pytorch V3 (no weights named "
            "rnns.0.rnn.*): give the .ckpt of its release page."
        )
    return weights


class Recurrent(nn.Module):
    """One recurrent layer; both directions are added; all but the first are batch-normalized."""

    def __init__(self, kind: type, inputs: int, hidden: int, both: bool, normalize: bool) -> None:
        super().__init__()
        if normalize:
            self.batch_norm = nn.ModuleDict({"module": nn.BatchNorm1d(inputs)})
        self.rnn = kind(inputs, hidden, bidirectional=both)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[T,B,I] to [T,B,H]."""
        if hasattr(self, "batch_norm"):
            x = self.batch_norm["module"](x.flatten(0, 1)).view_as(x)
        x, _ = self.rnn(x)
        if self.rnn.bidirectional:
            x = x.unflatten(-1, (2, -1)).sum(-2)
        return x


class DeepSpeech2(nn.Module):
    """Two convolutions over the spectrogram, recurrent layers, one linear layer to letters."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        inputs = state["rnns.0.rnn.weight_ih_l0"].shape[1]
        gates, hidden = state["rnns.0.rnn.weight_hh_l0"].shape
        kind = {4: nn.LSTM, 3: nn.GRU, 1: nn.RNN}[gates // hidden]
        both = "rnns.0.rnn.weight_ih_l0_reverse" in state
        layers = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("rnns."))
        conv = nn.Sequential(
            nn.Conv2d(1, 32, (41, 11), (2, 2), (20, 5)),
            nn.BatchNorm2d(32),
            nn.Hardtanh(0, 20),
            nn.Conv2d(32, 32, (21, 11), (2, 1), (10, 5)),
            nn.BatchNorm2d(32),
            nn.Hardtanh(0, 20),
        )
        self.conv = nn.ModuleDict({"seq_module": conv})
        self.rnns = nn.ModuleList(
            Recurrent(kind, inputs if i == 0 else hidden, hidden, both, i > 0)
            for i in range(layers)
        )
        self.ahead = 0
        if not both:
            self.ahead = state["lookahead.0.conv.weight"].shape[-1]
            look = nn.Conv1d(hidden, hidden, self.ahead, groups=hidden, bias=False)
            self.lookahead = nn.Sequential(nn.ModuleDict({"conv": look}))
        letters = state["fc.0.module.1.weight"].shape[0]
        last = nn.Sequential(nn.BatchNorm1d(hidden), nn.Linear(hidden, letters, bias=False))
        self.fc = nn.Sequential(nn.ModuleDict({"module": last}))
        self.load_state_dict(state, strict=True)
        self.eval()

    @torch.no_grad()
    def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Spectrograms [B,161,T] to logits [B,ceil(T/2),letters]."""
        x = self.conv["seq_module"](spectrogram[:, None])
        x = x.flatten(1, 2).permute(2, 0, 1)
        for layer in self.rnns:
            x = layer(x)
        if self.ahead:
            padded = functional.pad(x.permute(1, 2, 0), (0, self.ahead - 1))
            x = functional.hardtanh(self.lookahead[0]["conv"](padded), 0, 20).permute(2, 0, 1)
        logits = self.fc[0]["module"](x.flatten(0, 1))
        return logits.unflatten(0, x.shape[:2]).transpose(0, 1)

    def transcribe(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples [n] at 16 kHz to logits [about 50 per second, letters]."""
        return self(spectrogram(samples)[None])[0]


def spectrogram(samples: torch.Tensor) -> torch.Tensor:
    """log(1 + magnitude) [161,T], normalized over the recording, as the checkpoints expect."""
    window = torch.hamming_window(N_FFT, periodic=True)
    spectrum = torch.stft(
        samples, N_FFT, HOP, N_FFT, window, center=True, pad_mode="constant", return_complex=True
    )
    log = spectrum.abs().log1p()
    return (log - log.mean()) / log.std().clamp(min=1e-6)


def load_deepspeech(path: Path) -> DeepSpeech2:
    """Build the network of a checkpoint.

    Raises:
        UserError: the file is no DeepSpeech checkpoint, or its weights have another shape.
    """
    state = read_deepspeech(path)
    try:
        return DeepSpeech2(state)
    except (RuntimeError, KeyError) as error:
        raise UserError(f"{path} is not a DeepSpeech network that is known here: {error}") from None
