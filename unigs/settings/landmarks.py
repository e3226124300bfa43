"""Settings of detect_landmarks: how the face is followed through the clip."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LandmarkSettings:
    """Limits of the face tracker."""

    confidence: float = 0.5
    """Least score, 0 to 1, of a detected or tracked face. Frames below it count as faceless."""
    jump: float = 0.15
    """Shift of the face between two frames, in face widths, beyond which tracking starts anew: a
    tracker may cling to where the face was before a cut."""
