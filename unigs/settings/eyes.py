"""Settings of `unigs.prepare.eyes`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EyeSettings:
    """Where the action units of the eyes (e of eq. 6) come from."""

    backend: Literal["landmarks", "openface", "blendshapes"] = "landmarks"
    """landmarks: geometry of lids, brows and cheeks, calibrated on the clip. openface: a CSV that
    OpenFace's FeatureExtraction wrote for the clip. blendshapes: MediaPipe's face landmarker."""
    smooth: float = 1.0
    """Standard deviation in frames of the Gaussian over all units but the blink (landmarks only)."""
