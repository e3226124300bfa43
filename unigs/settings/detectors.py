"""Settings of every stage that looks for faces: which carrier runs the detectors."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DetectorSettings:
    """Who finds faces, hands and persons."""

    detectors: Literal["auto", "litert", "landmarker", "tasks", "fan", "mediapipe"] = "auto"
    """Carrier of the detectors (not in the paper). litert: MediaPipe's networks on LiteRT.
    landmarker: the same with the face mesh of face_landmarker.task. tasks: that mesh by MediaPipe's
    Tasks. fan: landmarks from the 68 points of face-alignment. mediapipe: MediaPipe 0.10.14. auto:
    litert, or mediapipe where that is installed and the networks for litert are not there. Stages
    of one portrait should have the same."""
    detectors_model: str = ""
    """Path of the carrier's networks, as unigs models fetches them. Empty: mediapipe-detectors of
    the pretrained models, or face-landmarker for landmarker and tasks. fan needs the path of
    face-alignment's weights (2DFAN4-11f355bf06.pth.tar)."""
