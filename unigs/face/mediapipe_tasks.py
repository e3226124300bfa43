"""The carrier `tasks`: the face mesh by MediaPipe's Tasks, the rest on LiteRT.

Tasks of any release of MediaPipe do, those without models and without `solutions` as well. Hands
and persons would need bundles of their own.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np

from unigs.face.litert.carrier import LiteRT
from unigs.face.litert.files import read_networks
from unigs.face.litert.network import quiet
from unigs.pretrained.auto import LANDMARKER
from unigs.stage.errors import UserError

STEP = 40
"""Milliseconds from frame to frame that the tracker is told of."""


class FaceMesh:
    """478 landmarks (with irises) of one face; use as a context manager.

    Args:
        bundle: networks of `face_landmarker.task` by name.
        static: treat every image on its own; otherwise the last face found says where to look.
        confidence: least score of detection and of tracking, 0 to 1.

    Raises:
        UserError: MediaPipe is not installed.
    """

    def __init__(self, bundle: dict[str, bytes], *, static: bool, confidence: float) -> None:
        self._media, base, vision = _package()
        self.static, self._time, modes = static, 0, vision.RunningMode
        with tempfile.TemporaryDirectory() as folder:
            task = Path(folder) / "face_landmarker.task"
            with zipfile.ZipFile(task, "w") as packed:
                for name, content in bundle.items():
                    packed.writestr(f"{name}.tflite", content)
            options = vision.FaceLandmarkerOptions(
                base_options=base.BaseOptions(model_asset_buffer=task.read_bytes()),
                running_mode=modes.IMAGE if static else modes.VIDEO,
                num_faces=1,
                min_face_detection_confidence=confidence,
                min_face_presence_confidence=confidence,
                min_tracking_confidence=confidence,
            )
        self._build = lambda: vision.FaceLandmarker.create_from_options(options)
        with quiet():
            self._landmarker = self._build()

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(self, *_: object) -> None:
        self._landmarker.close()

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks [478,3] float32 of the face in uint8 RGB [H,W,3], or None.

        x, y in pixels; z in the scale of x, smaller is nearer to the camera.
        """
        picture = self._media.Image(self._media.ImageFormat.SRGB, np.ascontiguousarray(image))
        with quiet():
            if self.static:
                found = self._landmarker.detect(picture)
            else:
                self._time += STEP
                found = self._landmarker.detect_for_video(picture, self._time)
        if not found.face_landmarks:
            return None
        height, width = image.shape[:2]
        points = np.array([(p.x, p.y, p.z) for p in found.face_landmarks[0]], np.float32)
        return points * np.float32([width, height, width])

    def forget(self) -> None:
        """Drop the tracking state of earlier images."""
        with quiet():
            self._landmarker.close()
            self._landmarker = self._build()


class Tasks(LiteRT):
    """The face mesh of `face_landmarker.task` by MediaPipe's Tasks.

    Args:
        path: file of the bundle's networks (.safetensors), as the catalogue fetches it.
        networks: file of the networks that LiteRT runs.

    Raises:
        UserError: a file is missing, or is another one.
    """

    def __init__(self, path: Path, networks: Path) -> None:
        super().__init__(networks)
        self.bundle = read_networks(path, LANDMARKER)
        self.name = f"mediapipe {_package()[0].__version__} Tasks, face_landmarker.task"

    def mesh(self, *, static: bool, confidence: float) -> FaceMesh:
        """See `unigs.face.detectors.Detectors`."""
        return FaceMesh(self.bundle, static=static, confidence=confidence)


def _package() -> tuple[ModuleType, ModuleType, ModuleType]:
    """MediaPipe of whatever release, its Tasks, and those of them that see.

    Raises:
        UserError: it is not installed.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    names = (
        "mediapipe",
        "mediapipe.tasks.python.core.base_options",
        "mediapipe.tasks.python.vision",
    )
    try:
        return tuple(importlib.import_module(name) for name in names)
    except ImportError as error:
        raise UserError(
            f"mediapipe cannot be imported ({error}): the carrier tasks needs it; pip install "
            "--no-deps mediapipe, or choose litert or landmarker."
        ) from None
