"""Settings of the synthetic speaker."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DemoSettings:
    """What the synthetic clip shows; the same settings give the same clip."""

    seed: int = 1
    """Of every random choice: face, hair, motion, speech."""
    seconds: float = 22.0
    """Length of the clip, s."""
    fps: float = 25.0
    """Frame rate of the clip, 1/s."""
    size: int = 320
    """Width and height, px."""
    focal_factor: float = 2.0
    """Focal length in image sizes: 2 is a portrait lens."""
    distance: float = 0.92
    """From the camera to the head's origin in the rest pose, m."""
    head_motion: float = 8.0
    """Largest turn of the head to either side, degrees; nods are half, tilts a third of it."""
    torso_motion: float = 1.0
    """Scale of the torso's sway: 1 is about 6 mm and 1.5 degrees."""
    hair_sway: float = 1.0
    """0: hanging hair follows at once; 1: it follows late and swings."""
    blink_interval: float = 3.5
    """Mean time between blinks, s."""
    background: Literal["plain", "gradient", "frame"] = "gradient"
    """Wall behind the speaker; `frame` hangs a striped picture on it."""
    hair_color: str = "#6b3a1e"
    """Hair color, #rrggbb; it should differ from the clothes."""
    clothes_color: str = "#23586b"
    """Color of the pullover, #rrggbb."""
    eye_color: str = "#48707f"
    """Color of the iris, #rrggbb."""
    wall_color: str = "#b7bcc2"
    """Color of the wall, #rrggbb."""
    strands: int = 340
    """Strands of hair; each is about 30 Gaussians."""
    sample_rate: int = 16000
    """Of the sound track, Hz."""
    voice_pitch: float = 190.0
    """Mean fundamental frequency of the voice, Hz."""
