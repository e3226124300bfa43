"""Settings of measure_eyes: the action units of the eyes, e of eq. 6."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds


@dataclass(frozen=True)
class EyeSettings:
    """Where the action units of the eyes come from."""

    backend: Literal["landmarks", "openface", "blendshapes"] = "landmarks"
    """Source of the action units e of eq. 6. landmarks: geometry of lids, brows and cheeks,
    calibrated on the clip. openface: the CSV that OpenFace's FeatureExtraction or pyfaceau wrote
    for the clip (column `openface` of the subject sheet), or that a FeatureExtraction on PATH
    writes. blendshapes: a network trained on other people's faces, for all units but AU06 and AU12,
    which stay those of the landmarks."""
    model: str = ""
    """Path of the network for the back-end blendshapes, as unigs models fetches it. Empty:
    face-landmarker of the pretrained models."""
    smooth: Annotated[float, Bounds(0, 100)] = 1.0
    """Standard deviation in frames of the Gaussian that smooths all units but the blink
    (back-ends landmarks and blendshapes; 0: off). AU12, the smile, has 8 frames at least: below a
    third of a second corners of the mouth move with what is said."""
