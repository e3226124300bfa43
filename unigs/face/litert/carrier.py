"""The carriers `litert` and `landmarker`: MediaPipe's networks on LiteRT."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.face.litert.boxes import BoxDetector
from unigs.face.litert.files import read_networks
from unigs.face.litert.hands import Hands
from unigs.face.litert.mesh import FaceMesh
from unigs.face.litert.mesh_net import MeshNetwork
from unigs.face.litert.network import Network
from unigs.face.litert.person import PersonMask
from unigs.pretrained.auto import DETECTORS, LANDMARKER

NEAR, FAR = ((8, 16, 16, 16), 2), ((4,), 1)
"""Strides, and anchors of each at a place, of the detectors of faces near and far."""
PALMS = NEAR
"""The same of the detector of palms."""


class FaceBoxes:
    """Boxes of all faces, also small ones; use as a context manager.

    Args:
        faces: the detector.
        confidence: least score, 0 to 1.
    """

    def __init__(self, faces: BoxDetector, *, confidence: float) -> None:
        self.faces, self.confidence = faces, confidence

    def __enter__(self) -> FaceBoxes:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find(self, image: np.ndarray) -> np.ndarray:
        """Boxes [N,5] float32 (x, y, width, height, score) in uint8 RGB [H,W,3]."""
        rows = [
            (*found.box[:2], *(found.box[2:] - found.box[:2]), found.score)
            for found in self.faces.find(image, self.confidence)
        ]
        return np.array(rows, np.float32).reshape(-1, 5)


class LiteRT:
    """The networks of MediaPipe 0.10.14 on LiteRT.

    Args:
        path: file of the networks (.safetensors), as the catalogue fetches it.

    Raises:
        UserError: the file is missing, or is another one.
    """

    name = "LiteRT, face mesh with attention of mediapipe 0.10.14"

    def __init__(self, path: Path) -> None:
        self.content = read_networks(path, DETECTORS)

    def mesh(self, *, static: bool, confidence: float) -> FaceMesh:
        """See `unigs.face.detectors.Detectors`."""
        faces = BoxDetector(self._network("face_detection_short_range"), *NEAR)
        network = MeshNetwork(self._network("face_landmark_with_attention"))
        return FaceMesh(faces, network, static=static, confidence=confidence)

    def boxes(self, *, confidence: float) -> FaceBoxes:
        """See `unigs.face.detectors.Detectors`."""
        faces = BoxDetector(self._network("face_detection_full_range_sparse"), *FAR)
        return FaceBoxes(faces, confidence=confidence)

    def person(self) -> PersonMask:
        """See `unigs.face.detectors.Detectors`."""
        names = ("selfie_segmentation", "selfie_segmentation_landscape")
        return PersonMask([self._network(name) for name in names])

    def hands(self, *, static: bool, confidence: float) -> Hands:
        """See `unigs.face.detectors.Detectors`."""
        palms = BoxDetector(self._network("palm_detection_lite"), *PALMS, low=0.0)
        joints = self._network("hand_landmark_lite")
        return Hands(palms, joints, static=static, confidence=confidence)

    def _network(self, name: str) -> Network:
        return Network(self.content[name], name)


class Landmarker(LiteRT):
    """The same with the face mesh of `face_landmarker.task`.

    Args:
        path: file of the bundle's networks (.safetensors), as the catalogue fetches it.
        networks: file of the other networks.

    Raises:
        UserError: a file is missing, or is another one.
    """

    name = "LiteRT, face_landmarker.task"

    def __init__(self, path: Path, networks: Path) -> None:
        super().__init__(networks)
        self.bundle = read_networks(path, LANDMARKER)

    def mesh(self, *, static: bool, confidence: float) -> FaceMesh:
        """See `unigs.face.detectors.Detectors`."""
        faces = BoxDetector(Network(self.bundle["face_detector"], "face_detector"), *NEAR)
        points = "face_landmarks_detector"
        network = MeshNetwork(Network(self.bundle[points], points))
        return FaceMesh(faces, network, static=static, confidence=confidence)
