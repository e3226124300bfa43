"""Log-mel energies and mel-frequency cepstral coefficients, in torch alone.

The formulas are those of torchaudio (HTK mel scale, no area normalization of the filters,
power spectrum in decibels with a floor, orthonormal DCT-II), so features can be compared with
other systems; torchaudio itself is not imported, since it needs a matching binary.
"""

import math

import torch

from unigs.media.audio import RATE


def mel_filters(rate: int, n_fft: int, n_mels: int) -> torch.Tensor:
    """Triangular filters [n_fft // 2 + 1, n_mels] on the HTK mel scale, from 0 to rate / 2."""
    frequencies = torch.linspace(0, rate // 2, n_fft // 2 + 1)
    top = 2595.0 * math.log10(1.0 + (rate / 2) / 700.0)
    corners = 700.0 * (10.0 ** (torch.linspace(0.0, top, n_mels + 2) / 2595.0) - 1.0)
    widths = corners.diff()
    distance = corners[None] - frequencies[:, None]
    rising = -distance[:, :-2] / widths[:-1]
    falling = distance[:, 2:] / widths[1:]
    return torch.minimum(rising, falling).clamp(min=0.0)


def log_mel(
    samples: torch.Tensor,
    n_mels: int = 40,
    *,
    window: int = 400,
    hop: int = 160,
    n_fft: int = 512,
    top_db: float | None = 80.0,
    rate: int = RATE,
) -> torch.Tensor:
    """Log energies of mel bands.

    Args:
        samples: float [n] in [-1, 1].
        n_mels: number of bands.
        window: length of the Hann window in samples (400 = 25 ms).
        hop: samples from one column to the next (160 = 10 ms); column j is centered on j * hop.
        n_fft: length of the transform, at least `window`.
        top_db: values further than this below the loudest one are raised to it; None keeps all.
        rate: samples per second.

    Returns:
        [n_mels, n // hop + 1] in dB (10 log10 of power).
    """
    hann = torch.hann_window(window, dtype=samples.dtype)
    spectrum = torch.stft(
        samples, n_fft, hop, window, hann, center=True, pad_mode="reflect", return_complex=True
    )
    power = mel_filters(rate, n_fft, n_mels).to(samples).T @ spectrum.abs().square()
    decibel = 10.0 * torch.log10(power.clamp(min=1e-10))
    return decibel if top_db is None else decibel.clamp(min=float(decibel.max()) - top_db)


def dct_matrix(n_out: int, n_in: int) -> torch.Tensor:
    """Orthonormal DCT-II, [n_out, n_in]."""
    n, k = torch.arange(n_in), torch.arange(n_out)[:, None]
    matrix = torch.cos(math.pi / n_in * (n + 0.5) * k) * math.sqrt(2.0 / n_in)
    matrix[0] /= math.sqrt(2.0)
    return matrix
