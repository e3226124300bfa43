"""Settings of `unigs.prepare.clip.crop`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CropSettings:
    """How a source video becomes a square clip of one person."""

    size: int = 480
    """Side of the clip in pixels, even (the paper: 480)."""
    fps: float = 25.0
    """Frames per second of the clip; every feature has one row per frame of it."""
    tolerance_ms: float = 10.0
    """A frame whose nearest source frame is farther from its time than this is carried to it by
    optical flow (0: every one that is not exact; 20 or more: none, at 25 fps)."""
    margin: float = 2.6
    """Side of the window in face heights (chin to hairline): room for hair and shoulders."""
    headroom: float = 0.75
    """Room above the hairline in face heights, for the hair."""
    keep_whole: float = 0.75
    """If the window would cover this share of the picture's short side or more, it takes all of it:
    a clip that is already a portrait is not cut again."""
    sample_every: float = 0.5
    """Seconds between the frames in which the face is looked for."""
    confidence: float = 0.5
    """Least score of a detected face, 0 to 1."""
