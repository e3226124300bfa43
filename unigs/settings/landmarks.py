"""Settings of detect_landmarks: how the face is followed through the clip."""

from dataclasses import dataclass
from typing import Annotated

from unigs.settings.detectors import DetectorSettings
from unigs.stage.bounds import Bounds, Share


@dataclass(frozen=True)
class LandmarkSettings(DetectorSettings):
    """Limits of the face tracker."""

    confidence: Share = 0.5
    """Least score, 0 to 1, of a detected or tracked face. Frames below it count as faceless."""
    jump: Annotated[float, Bounds(above=0, maximum=10)] = 0.15
    """Shift of the face between two frames, in face widths, beyond which tracking starts anew: a
    tracker may cling to where the face was before a cut."""
