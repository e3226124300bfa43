"""Settings of track_body: how the torso moves by itself."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BodySettings:
    """Registration of the torso's pixels to one reference frame (not in the paper)."""

    motion: Literal["euclidean", "affine"] = "euclidean"
    """Map of the image plane that registers the torso. euclidean: shift and turn. affine: also a
    change of width and height, which fits the training frames better and new postures worse."""
    size: int = 160
    """Side in pixels of the reduced images that are registered; larger ones gain no accuracy."""
    min_area: float = 0.05
    """Least share of the picture that must show torso in nearly all frames. With less the body is
    taken to rest, because a neck and a collar are too little to follow."""
    min_correlation: float = 0.85
    """Least correlation, 0 to 1, of a registered torso with the reference frame. Frames below it
    are interpolated in time."""
    smooth: float = 1.0
    """Standard deviation in frames of the Gaussian that smooths the torso's track in time
    (0: off)."""
