"""Settings of `unigs.prepare.face.landmarks`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LandmarkSettings:
    """How the face is followed through the clip."""

    confidence: float = 0.5
    """Least score of a detected or tracked face, 0 to 1; below it the frame counts as faceless."""
    jump: float = 0.15
    """A shift between two frames of more than this many face widths makes the tracker start anew,
    since it may cling to where the face was before a cut."""
