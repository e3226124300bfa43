"""Settings of `segment_regions`: which pixel is face, mouth, hair, torso or background."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RegionSettings:
    """How frames are divided into regions."""

    backend: Literal["colours", "onnx"] = "colours"
    """colours: person mask, landmarks and color models of this clip. onnx: hair, skin and clothes
    from a segmentation network, the rest as before."""
    model: str | None = None
    """For onnx: a network with input [1,3,H,W] (RGB, ImageNet mean and deviation) and output
    [1,3,H,W], probabilities of skin, clothes, hair."""
    model_frames: int = 60
    """Frames, spread over the clip, that the color models are learned from."""
    rounds: int = 4
    """Rounds of labeling those frames and learning colors and places from the labels."""
    plate_frames: int = 120
    """Frames, spread over the clip, whose median is the background plate."""
    plate_margin: float = 0.04
    """Width kept clear of the person in the plate, in image sizes."""
    edge_radius: float = 0.016
    """Radius of the guided filter that draws region edges to image edges, in image sizes."""
    temporal: float = 0.25
    """Weight of the frame before and of the frame after in a pixel's probabilities."""
    mouth_margin: float = 0.004
    """Width added around the outer lips, in image sizes."""
