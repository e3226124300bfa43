"""The one door to what finds faces, hands and persons, whichever carrier runs the networks.

- `litert`: the networks of MediaPipe 0.10.14 on LiteRT; nothing of MediaPipe is installed.
- `landmarker`: the same with the face mesh of `face_landmarker.task`.
- `tasks`: the face mesh of `face_landmarker.task` by MediaPipe's Tasks; the rest on LiteRT.
- `fan`: landmarks lifted from the 68 points of face-alignment's network; the rest on LiteRT.
- `mediapipe`: MediaPipe 0.10.14 itself.

All coordinates that come out are pixels of the image that went in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

import numpy as np

from unigs.pretrained.auto import AUTO, CARRIERS, DETECTORS, settle_detectors
from unigs.pretrained.catalogue import model_path, not_there
from unigs.stage.errors import UserError


class _Opened(Protocol):
    """A detector: a context manager, as it may own a graph."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class FaceMesh(_Opened, Protocol):
    """478 landmarks (with irises) of one face."""

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks [478,3] float32 of the face in uint8 RGB [H,W,3], or None.

        x, y in pixels; z in the scale of x, smaller is nearer to the camera.
        """

    def forget(self) -> None:
        """Drop the tracking state of earlier images."""


class FaceBoxes(_Opened, Protocol):
    """Boxes of all faces, also small ones."""

    def find(self, image: np.ndarray) -> np.ndarray:
        """Boxes [N,5] float32 (x, y, width, height, score) in uint8 RGB [H,W,3]."""


class PersonMask(_Opened, Protocol):
    """Probability that a pixel shows the person."""

    def find(self, image: np.ndarray) -> np.ndarray:
        """Probabilities float32 [H,W] for uint8 RGB [H,W,3]."""


class Hands(_Opened, Protocol):
    """Up to two hands."""

    def find(self, image: np.ndarray) -> np.ndarray:
        """Joints [N,21,2] float32 (x, y) of the hands in uint8 RGB [H,W,3]."""


class Detectors(Protocol):
    """A carrier."""

    name: str
    """The carrier and its face mesh, for the records."""

    def mesh(self, *, static: bool, confidence: float) -> FaceMesh:
        """What finds the landmarks of one face.

        Args:
            static: treat every image on its own; otherwise the last face found says where to look.
            confidence: least score of detection and of tracking, 0 to 1.
        """

    def boxes(self, *, confidence: float) -> FaceBoxes:
        """What finds all faces.

        Args:
            confidence: least score, 0 to 1.
        """

    def person(self) -> PersonMask:
        """What tells the person from the background."""

    def hands(self, *, static: bool, confidence: float) -> Hands:
        """What finds hands.

        Args:
            static: treat every image on its own; otherwise the last hands found say where to look.
            confidence: least score of detection and of tracking, 0 to 1.
        """


def open_detectors(carrier: str = AUTO, model: str = "") -> Detectors:
    """A carrier, ready to build detectors.

    Args:
        carrier: setting `detectors`.
        model: setting `detectors_model`: the file of the carrier's networks; empty: the
            catalogue's.

    Raises:
        UserError: what the carrier needs is missing, or a file is another one than it should be.
    """
    carrier, file = settle_detectors(carrier, model)
    if carrier == "mediapipe":
        from unigs.face.mediapipe_solutions import Solutions

        return Solutions()
    if carrier == "fan" and not model:
        raise UserError(
            "detectors: fan needs the weights of face-alignment, which nothing fetches: name the "
            "path of 2DFAN4-11f355bf06.pth.tar as detectors_model."
        )
    if not model and not Path(file).is_file():
        raise UserError(not_there(CARRIERS[carrier]))
    if carrier == "litert":
        from unigs.face.litert.carrier import LiteRT

        return LiteRT(Path(file))
    others = model_path(DETECTORS)
    if not others.is_file():
        raise UserError(not_there(DETECTORS))
    if carrier == "landmarker":
        from unigs.face.litert.carrier import Landmarker

        return Landmarker(Path(file), others)
    if carrier == "fan":
        from unigs.face.fan_carrier import Fan

        return Fan(Path(file), others)
    from unigs.face.mediapipe_tasks import Tasks

    return Tasks(Path(file), others)
