"""Whisper's log-mel spectrogram, in torch alone.

Whisper takes every sound more than 80 dB below the loudest band of its 30 seconds for silence. Here
that floor is fixed (`floor_of`), since every recording comes with speech of one level: a live
recording has no maximum yet, and one that changed from window to window would be heard as a seam.
"""

import math

import torch
from torch.nn import functional

from unigs.media.audio import RATE

N_FFT, HOP = 400, 160
"""Samples that a column of the spectrogram sees, and from one column to the next."""
LOUDEST, LEVEL_DB = 1.2, -23.0
"""Log10 of the power of the loudest band in speech whose RMS is -23 dB of full scale: the median of
17 recordings, which lie between 0.4 and 1.6."""
RANGE = 8.0
"""Powers of ten from the loudest band down to what Whisper takes for silence."""
PIECE = 6000
"""Columns that are computed at once: a minute."""


def floor_of(level_db: float) -> float:
    """Log10 of the power that counts as silence in recordings whose speech has this level."""
    return LOUDEST + (level_db - LEVEL_DB) / 10 - RANGE


def scaled(log10: float | torch.Tensor) -> float | torch.Tensor:
    """Log10 of a power as Whisper's network takes it."""
    return (log10 + 4) / 4


def slaney_filters(bands: int) -> torch.Tensor:
    """Triangular filters [bands, N_FFT // 2 + 1] of equal area on Slaney's mel scale, 0 to 8 kHz.

    The scale is linear below 1 kHz (15 mel) and logarithmic above.
    """
    step = math.log(6.4) / 27
    top = 15 + math.log(RATE / 2 / 1000) / step
    mel = torch.linspace(0, top, bands + 2, dtype=torch.float64)
    corners = torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp(step * (mel - 15)))
    bins = torch.linspace(0, RATE / 2, N_FFT // 2 + 1, dtype=torch.float64)
    distance = corners[:, None] - bins
    widths = corners.diff()[:, None]
    triangles = torch.minimum(-distance[:-2] / widths[:-1], distance[2:] / widths[1:]).clamp(min=0)
    return (triangles * 2 / (corners[2:] - corners[:-2])[:, None]).float()


def log_mel(samples: torch.Tensor, filters: torch.Tensor, floor: float) -> torch.Tensor:
    """Whisper's log-mel spectrogram, with silence before and after the recording.

    Args:
        samples: float [n] at RATE, full scale is 1.
        filters: `slaney_filters`.
        floor: log10 of the power below which all is silence.

    Returns:
        [bands, n // HOP + 1]; column j is centered on sample j * HOP.
    """
    padded = functional.pad(samples, (N_FFT // 2, N_FFT // 2))
    count = len(samples) // HOP + 1
    # In pieces, since a spectrum takes several times the memory of its sound.
    pieces = [
        columns_of(padded[k * HOP : (min(k + PIECE, count) - 1) * HOP + N_FFT], filters, floor)
        for k in range(0, count, PIECE)
    ]
    return torch.cat(pieces, 1)


def columns_of(samples: torch.Tensor, filters: torch.Tensor, floor: float) -> torch.Tensor:
    """Columns [bands, (n - N_FFT) // HOP + 1] of the spectrogram that lie wholly in samples [n]."""
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(samples, N_FFT, HOP, N_FFT, window, center=False, return_complex=True)
    power = filters @ spectrum.abs().square()
    return scaled(power.clamp(min=10.0**floor).log10())
