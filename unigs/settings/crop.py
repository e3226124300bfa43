"""Settings of crop_clip: framing and frame rate of the clip."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CropSettings:
    """How a source video becomes a square clip of one person."""

    size: int = 480
    """Side of the clip in pixels, an even number (the paper has 480)."""
    fps: float = 25.0
    """Frames per second of the clip. Every feature file has one row per frame of the clip."""
    tolerance_ms: float = 10.0
    """Largest time error of a frame in milliseconds. Beyond it the nearest source frame is warped
    by optical flow. 0: warp every frame that is not exact. 20 or more: never warp (at 25 fps)."""
    margin: float = 2.6
    """Side of the crop window in face heights (chin to hairline) around a face that keeps still.
    Leaves room for hair and shoulders."""
    headroom: float = 0.75
    """Room for the hair above the hairline, in face heights (chin to hairline)."""
    keep_whole: float = 0.75
    """Share of the picture's short side from which on the crop window takes the whole short side. A
    source that is already a portrait is not cut again."""
    sample_every: float = 0.5
    """Seconds between the source frames in which the face is looked for."""
    confidence: float = 0.5
    """Least score, 0 to 1, of a detected face."""
