"""Settings of track_body: how the torso moves by itself."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BodySettings:
    """Registration of the torso's pixels to one reference frame (not in the paper)."""

    motion: Literal["euclidean", "affine"] = "euclidean"
    """Shift and turn in the image plane, or also width and height. The affine map fits the training
    frames better and new postures worse (21.5 against 22.5 dB on one clip)."""
    size: int = 160
    """Side of the images that are registered, pixels: half the work at the same accuracy."""
    min_area: float = 0.05
    """Share of the picture that must be torso in nearly all frames; with less the body is taken
    to rest (a neck and a collar are too little to follow)."""
    min_correlation: float = 0.85
    """Frames whose registered torso correlates less with the reference are interpolated."""
    smooth: float = 1.0
    """Standard deviation of the Gaussian that smooths the track in time, frames."""
