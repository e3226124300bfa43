"""Settings of `fit_pose`: head pose and face shape from landmarks."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PoseSettings:
    """How the head is tracked through the clip."""

    backend: Literal["landmarks", "pca"] = "landmarks"
    """landmarks: the person's own rigid points, self-calibrated. pca: a 3D morphable model."""
    model: str | None = None
    """For pca: .npz with mean, shape, shape_std, vertices, landmarks and perhaps expression, as
    described in `unigs.prepare.pose.morphable_model`."""
    focal: float = 2.0
    """Focal length in image sizes. It cannot be seen in such clips (the cost is flat within 4 %
    from 0.8 to 4), so it is fixed."""
    robust: float = 1.5
    """Residual beyond which a landmark loses weight, in pixels of a 256-pixel image."""
    shape_prior: float = 0.001
    """Pull toward the first guess of the shape: cost of 1 cm, in squared pixels (at 256)."""
    smooth: float = 0.022
    """Weight of the second difference of the motion (units 15 mrad, 0.7/0.7/4 mm) against the mean
    squared residual in pixels (at 256). Only this term cuts jitter; ten times more of it lags
    behind real motion."""
    outlier: float = 4.0
    """A frame whose residual is this many times the clip's median counts as not seen."""
    shape_frames: int = 400
    """Frames, spread over the clip, that the shape is calibrated on."""
