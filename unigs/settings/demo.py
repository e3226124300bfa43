"""Settings of make_speaker: the synthetic speaker."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds, Pattern, Seed, Share

Color = Annotated[str, Pattern("#[0-9a-fA-F]{6}", "a color as #rrggbb")]
"""A color of the clip."""


@dataclass(frozen=True)
class DemoSettings:
    """What the synthetic clip shows; the same settings give the same clip."""

    seed: Seed = 1
    """Seed of every random choice: face, hair, motion, speech."""
    seconds: Annotated[float, Bounds(1, 3600)] = 22.0
    """Length of the clip in seconds."""
    fps: Annotated[float, Bounds(1, 120)] = 25.0
    """Frames per second of the clip."""
    size: Annotated[int, Bounds(64, 4096, multiple_of=2)] = 320
    """Width and height of the clip in pixels."""
    focal_factor: Annotated[float, Bounds(0.5, 20)] = 2.0
    """Focal length in image sizes: 2 is a portrait lens."""
    distance: Annotated[float, Bounds(0.4, 20)] = 0.92
    """Distance in meters from the camera to the origin of the head in the rest pose."""
    head_motion: Annotated[float, Bounds(0, 60)] = 8.0
    """Largest turn of the head to either side in degrees. Nods reach half of it, tilts a third."""
    torso_motion: Annotated[float, Bounds(0, 10)] = 1.0
    """Scale of the torso's sway: 1 is about 6 mm and 1.5 degrees."""
    hair_sway: Share = 1.0
    """Lateness of hanging hair, from 0 (follows the head at once) to 1 (follows late, swings)."""
    blink_interval: Annotated[float, Bounds(0.5)] = 3.5
    """Mean time between blinks in seconds."""
    background: Literal["plain", "gradient", "frame"] = "gradient"
    """Wall behind the speaker. plain: one color. gradient: a gradient of the color. frame: a
    gradient with a striped picture on the wall."""
    hair_color: Color = "#6b3a1e"
    """Color of the hair as #rrggbb, best unlike the clothes."""
    clothes_color: Color = "#23586b"
    """Color of the pullover as #rrggbb."""
    eye_color: Color = "#48707f"
    """Color of the irises as #rrggbb."""
    wall_color: Color = "#b7bcc2"
    """Color of the wall as #rrggbb."""
    strands: Annotated[int, Bounds(1, 10000)] = 340
    """Number of strands of hair, about 30 Gaussians each."""
    sample_rate: Annotated[int, Bounds(8000, 192000, multiple_of=200)] = 16000
    """Samples per second of the sound track, Hz."""
    voice_pitch: Annotated[float, Bounds(50, 500)] = 190.0
    """Mean fundamental frequency of the voice in Hz."""
