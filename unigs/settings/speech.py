"""Settings of encode_speech: what the portrait hears."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SpeechSettings:
    """Section 3.2 of the paper; the choice of features is measured in docs/method.md."""

    backend: Literal["logmel", "mfcc", "deepspeech", "wav2vec2"] = "logmel"
    """Features: log-mel energies, their cepstra, or the outputs of a network read from `model`."""
    model: str = ""
    """Path of a deepspeech.pytorch checkpoint, or of a wav2vec2 / HuBERT folder (transformers)."""
    bands: int = 40
    """Mel bands (paper: 40-dimensional filter bank energy)."""
    coefficients: int = 40
    """Cepstral coefficients kept by `mfcc`."""
    window_ms: float = 50.0
    """Length of the analysis window; 50 ms smooths over the pitch, which 25 ms does not."""
    step_ms: float = 20.0
    """Time from one column of a frame's window to the next."""
    context_ms: float = 340.0
    """Time that one frame hears, centered on the frame (paper: 350 ms; here whole steps)."""
    level_db: float = -23.0
    """Loudness of the active speech (RMS, dB of full scale) that every recording is brought to."""
    floor_db: float = 60.0
    """Decibels below the loudness of speech under which everything counts as silence."""
    max_offset: int = 10
    """Largest delay of the sound against the picture that is looked for, frames; 0 trusts the clip.
    Needs landmarks."""
