"""Settings of track_body: how the torso moves by itself."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds, Share


@dataclass(frozen=True)
class BodySettings:
    """Registration of the torso's pixels to one reference frame (not in the paper)."""

    motion: Literal["euclidean", "affine"] = "euclidean"
    """Map of the image plane that registers the torso. euclidean: shift and turn. affine: also a
    change of width and height, which fits the training frames better and new postures worse."""
    size: Annotated[int, Bounds(32, 1024)] = 160
    """Side in pixels of the reduced images that are registered; larger ones gain no accuracy."""
    min_area: Share = 0.05
    """Least share of the picture that must show torso in nearly all frames. With less the body is
    taken to rest, because a neck and a collar are too little to register; then the training alone
    finds how it moves, with static.refine_torso."""
    min_correlation: Share = 0.85
    """Least correlation, 0 to 1, of a registered torso with the reference frame. Frames below it
    are interpolated in time."""
    smooth: Annotated[float, Bounds(0, 100)] = 1.0
    """Standard deviation in frames of the Gaussian that smooths the torso's track in time
    (0: off)."""
