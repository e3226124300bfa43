"""The carrier `fan`: landmarks from face-alignment's 68 points, the rest on LiteRT."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.face.fan import FAN, SIZE, box_square, load_fan
from unigs.face.lift68 import lift
from unigs.face.litert.carrier import FaceBoxes, LiteRT
from unigs.face.squares import cut_square, face_box, from_square


class FanMesh:
    """478 landmarks of one face, as far as 68 points carry; use as a context manager.

    A detected box says whether there is a face. The network is shown the face as its own points had
    it in the last image, and where there is none, as they have it at the second look.

    Args:
        boxes: finds faces.
        network: finds the 68 points of one.
        static: treat every image on its own.
    """

    def __init__(self, boxes: FaceBoxes, network: FAN, *, static: bool) -> None:
        self.boxes, self.network, self.static = boxes, network, static
        self._last: np.ndarray | None = None

    def __enter__(self) -> FanMesh:
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks [478,3] float32 of the face in uint8 RGB [H,W,3], or None.

        x, y in pixels; z in the scale of x, smaller is nearer to the camera.
        """
        found = self.boxes.find(image)
        if not len(found):
            self.forget()
            return None
        box = found[(found[:, 2] * found[:, 3]).argmax(), :4]
        last = self._last if self._last is not None and _meet(self._last, box) else None
        if last is None:
            last = face_box(self._look(image, box))
        points = self._look(image, last)
        if not self.static:
            self._last = face_box(points)
        return points

    def forget(self) -> None:
        """Drop the tracking state of earlier images."""
        self._last = None

    def _look(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Landmarks [478,3] of the face in a box, px."""
        square = box_square(box)
        seen = self.network.find(cut_square(image, square, SIZE)[None])
        return lift(from_square(seen, square[None])[0])


class Fan(LiteRT):
    """face-alignment's network for landmarks; boxes, hands and persons on LiteRT.

    Args:
        path: weights of FAN.
        networks: file of the networks that LiteRT runs.

    Raises:
        UserError: a file is missing, or is another one.
    """

    name = "FAN (face-alignment), 68 points"

    def __init__(self, path: Path, networks: Path) -> None:
        super().__init__(networks)
        self.network = load_fan(path)

    def mesh(self, *, static: bool, confidence: float) -> FanMesh:
        """See `unigs.face.detectors.Detectors`."""
        return FanMesh(self.boxes(confidence=confidence), self.network, static=static)


def _meet(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the middle of either box (x, y, width, height) lies in the other."""
    a, b = one[:2] + one[2:] / 2, other[:2] + other[2:] / 2
    return bool((np.abs(a - b) < np.maximum(one[2:], other[2:]) / 2).all())
