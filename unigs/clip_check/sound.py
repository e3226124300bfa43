"""Level, noise and delay of a candidate clip's sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.clip_check.figures import ClipFigures
from unigs.media.audio import RATE, read_audio
from unigs.prepare.speech.encode import encode_speech
from unigs.prepare.speech.extract import extract_audio
from unigs.settings.speech import SpeechSettings
from unigs.speech.loudness import SILENT_DB, active_columns, block_levels, speech_level
from unigs.subject.features import SpeechFeatures

FULL = 0.99
"""Share of full scale from which on a sample is clipped."""
QUIET = 5
"""Percentile of the 40 ms levels that stands for the noise between words."""
STEP_MS = 20.0
"""Distance at which speech is looked for, milliseconds."""


def listen(figures: ClipFigures, clip: Path, folder: Path) -> None:
    """Measure the sound.

    Args:
        figures: filled in.
        clip: the clip that was cut.
        folder: scratch folder with landmarks and frame table.

    Raises:
        UserError: the clip has no sound, or silence alone.
    """
    audio, features = folder / "audio.wav", folder / "features.npz"
    extract_audio(clip, audio)
    measure_sound(figures, read_audio(audio, RATE))
    encode_speech(
        audio, folder / "frames.csv", features, SpeechSettings(), folder / "landmarks.npz"
    )
    figures.late = SpeechFeatures.read(features).offset


def measure_sound(figures: ClipFigures, samples: np.ndarray) -> None:
    """Measure level, clipping, noise and share of speech.

    Args:
        figures: filled in.
        samples: the sound [n] at RATE.
    """
    figures.level = speech_level(samples)
    figures.clipped = float((np.abs(samples) >= FULL).mean())
    figures.noise = max(float(np.percentile(block_levels(samples), QUIET)), SILENT_DB)
    if figures.level is not None:
        figures.over_noise = figures.level - figures.noise
    count = max(1, int(len(samples) / RATE * 1000 / STEP_MS))
    figures.speech = float(active_columns(samples, count, STEP_MS).mean())
