"""Settings of make_speaker: the synthetic speaker."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DemoSettings:
    """What the synthetic clip shows; the same settings give the same clip."""

    seed: int = 1
    """Seed of every random choice: face, hair, motion, speech."""
    seconds: float = 22.0
    """Length of the clip in seconds."""
    fps: float = 25.0
    """Frames per second of the clip."""
    size: int = 320
    """Width and height of the clip in pixels."""
    focal_factor: float = 2.0
    """Focal length in image sizes: 2 is a portrait lens."""
    distance: float = 0.92
    """Distance in meters from the camera to the origin of the head in the rest pose."""
    head_motion: float = 8.0
    """Largest turn of the head to either side in degrees. Nods reach half of it, tilts a third."""
    torso_motion: float = 1.0
    """Scale of the torso's sway: 1 is about 6 mm and 1.5 degrees."""
    hair_sway: float = 1.0
    """Lateness of hanging hair, from 0 (follows the head at once) to 1 (follows late, swings)."""
    blink_interval: float = 3.5
    """Mean time between blinks in seconds."""
    background: Literal["plain", "gradient", "frame"] = "gradient"
    """Wall behind the speaker. plain: one color. gradient: a gradient of the color. frame: a
    gradient with a striped picture on the wall."""
    hair_color: str = "#6b3a1e"
    """Color of the hair as #rrggbb, best unlike the clothes."""
    clothes_color: str = "#23586b"
    """Color of the pullover as #rrggbb."""
    eye_color: str = "#48707f"
    """Color of the irises as #rrggbb."""
    wall_color: str = "#b7bcc2"
    """Color of the wall as #rrggbb."""
    strands: int = 340
    """Number of strands of hair, about 30 Gaussians each."""
    sample_rate: int = 16000
    """Samples per second of the sound track, Hz."""
    voice_pitch: float = 190.0
    """Mean fundamental frequency of the voice in Hz."""
