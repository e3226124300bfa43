"""Settings of segment_regions: which pixel is face, mouth, hair, torso or background."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.settings.detectors import DetectorSettings
from unigs.stage.bounds import Bounds, Share


@dataclass(frozen=True)
class RegionSettings(DetectorSettings):
    """How frames are divided into regions."""

    backend: Literal["colours", "onnx", "tflite", "bisenet"] = "colours"
    """Source of hair, skin and clothes. colours: color and place models that are learned from the
    clip. onnx, tflite: a segmentation network in a file of that kind, run by a package of the extra
    `models`. bisenet: weights of BiSeNet for face parsing (.pth). Person mask, face and mouth are
    found alike with all of them."""
    model: str | None = None
    """Path of the segmentation network for the back-ends onnx, tflite and bisenet: one picture in
    [1,3,H,W] or [1,H,W,3], a score for every class and pixel out, in the same order of axes."""
    classes: str = ""
    """What each channel of the network's output shows, in order, joined by commas: skin, hair,
    cloth or other. Empty: skin,cloth,hair (onnx), the 6 classes of selfie_multiclass_256x256
    (tflite), the 19 of CelebAMask-HQ (bisenet)."""
    scores: Literal["usual", "probabilities", "softmax", "sigmoid"] = "usual"
    """How the network's output becomes probabilities. usual: as they are (onnx), softmax over the
    classes (tflite, bisenet)."""
    pixels: Literal["usual", "imagenet", "unit", "symmetric"] = "usual"
    """How the network wants its RGB pixels. imagenet: with ImageNet's mean and deviation. unit: 0
    to 1. symmetric: -1 to 1. usual: imagenet (onnx, bisenet), unit (tflite)."""
    model_frames: Annotated[int, Bounds(1, 1000)] = 60
    """Largest number of frames, spread over the clip, that the color and place models are learned
    from."""
    rounds: Annotated[int, Bounds(1, 100)] = 4
    """Rounds of expectation maximization: label the sampled frames, then learn color and place
    models from the labels."""
    plate_frames: Annotated[int, Bounds(1, 1000)] = 120
    """Largest number of frames, spread over the clip, whose median is the background plate."""
    plate_margin: Annotated[float, Bounds(0, 0.25)] = 0.04
    """Width around the person that the background plate does not trust, as a share of the image
    width."""
    edge_radius: Annotated[float, Bounds(0, 0.25)] = 0.016
    """Radius of the guided filter that draws region edges to image edges, as a share of the image
    width."""
    temporal: Share = 0.25
    """Weight of the frame before and of the frame after in a pixel's probabilities; the frame
    itself has weight 1."""
    mouth_margin: Annotated[float, Bounds(0, 0.25)] = 0.004
    """Width by which the mouth region reaches beyond the outer lips, as a share of the image
    width."""
