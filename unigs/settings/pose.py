"""Settings of fit_pose: head pose and face shape from landmarks."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds, NotNegative, Positive


@dataclass(frozen=True)
class PoseSettings:
    """How the head is tracked through the clip."""

    backend: Literal["landmarks", "pca"] = "landmarks"
    """Rigid face that is tracked. landmarks: the person's own rigid points, self-calibrated. pca: a
    3D morphable model."""
    model: str | None = None
    """Path of the morphable model for the back-end pca: an .npz file that `unigs models convert`
    wrote from the Surrey Face Model (eos), BFM 2009, 2017 or 2019, or FLAME, or one of your own
    (`unigs.prepare.pose.morphable_model` says what it holds)."""
    focal: Annotated[float, Bounds(0.5, 20)] = 2.0
    """Focal length in image sizes. It is fixed because portrait clips do not reveal it."""
    robust: Positive = 1.5
    """Residual beyond which a landmark loses weight (pseudo-Huber), in pixels of a 256-pixel
    image."""
    shape_prior: Positive = 0.001
    """Cost of moving a point of the face 1 cm away from the first guess of the shape, in squared
    pixels of a 256-pixel image."""
    smooth: NotNegative = 0.022
    """Weight of the squared second difference of the motion against the mean squared residual in
    pixels of a 256-pixel image. One unit of motion is 15 mrad, 0.7 mm across or 4 mm in depth. Ten
    times the default lags behind real motion."""
    outlier: Annotated[float, Bounds(1)] = 4.0
    """Multiple of the clip's median residual beyond which a frame counts as not seen."""
    shape_frames: Annotated[int, Bounds(3, 100000)] = 400
    """Largest number of frames, spread over the clip, that the face shape is calibrated on."""
