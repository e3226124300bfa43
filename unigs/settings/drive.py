"""Settings of drive: a portrait speaks a recording."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DriveSettings:
    """How a foreign recording moves the portrait."""

    turn_seconds: float = 0.8
    """Time in which the head's motion slows down and turns back at the ends of the clip's piece."""
    pause_db: float = 35.0
    """A block of sound this far below the speech's loudness belongs to a pause, dB."""
    pause_seconds: float = 0.3
    """Pauses from this length on close the mouth."""
    quality: Literal["high", "preview"] = "preview"
    """x264 crf 10 or 18."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to render."""
