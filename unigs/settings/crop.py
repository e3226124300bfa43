"""Settings of crop_clip: framing and frame rate of the clip."""

from dataclasses import dataclass
from typing import Annotated

from unigs.settings.detectors import DetectorSettings
from unigs.stage.bounds import Bounds, NotNegative, Share


@dataclass(frozen=True)
class CropSettings(DetectorSettings):
    """How a source video becomes a square clip of one person."""

    size: Annotated[int, Bounds(64, 4096, multiple_of=2)] = 480
    """Side of the clip in pixels, an even number (the paper has 480)."""
    fps: Annotated[float, Bounds(1, 120)] = 25.0
    """Frames per second of the clip. Every feature file has one row per frame of the clip."""
    tolerance_ms: NotNegative = 10.0
    """Largest time error of a frame in milliseconds. Beyond it the nearest source frame is warped
    by optical flow. 0: warp every frame that is not exact. 20 or more: never warp (at 25 fps)."""
    margin: Annotated[float, Bounds(1, 20)] = 2.6
    """Side of the crop window in face heights (chin to hairline) around a face that keeps still.
    Leaves room for hair and shoulders."""
    headroom: Annotated[float, Bounds(0, 20)] = 0.75
    """Room for the hair above the hairline, in face heights (chin to hairline)."""
    keep_whole: Share = 0.75
    """Share of the picture's short side from which on the crop window takes the whole short side. A
    source that is already a portrait is not cut again."""
    sample_every: Annotated[float, Bounds(0.02, 60)] = 0.5
    """Seconds between the source frames in which the face is looked for."""
    confidence: Share = 0.5
    """Least score, 0 to 1, of a detected face."""
