"""Settings of `unigs.prepare.face.eyes`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EyeSettings:
    """Where the action units of the eyes (e of eq. 6) come from."""

    backend: Literal["landmarks", "openface"] = "landmarks"
    """landmarks: geometry of lids, brows and cheeks, calibrated on the clip. openface: the CSV that
    OpenFace's FeatureExtraction wrote for the clip (column `openface` of the subject sheet)."""
    smooth: float = 1.0
    """Standard deviation in frames of the Gaussian over all units but the blink; landmarks only."""
