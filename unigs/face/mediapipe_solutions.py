"""The carrier `mediapipe`: the solutions of MediaPipe 0.10.14, whose wheel holds the networks.

MediaPipe is imported when a detector is built, not before: it takes a while and prints to stderr.
All coordinates that come out are pixels of the image that went in.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import numpy as np

from unigs.face.litert.network import quiet
from unigs.stage.errors import UserError

UNUSED = ("matplotlib", "matplotlib.pyplot", "mediapipe.tasks", "mediapipe.tasks.python")
"""What MediaPipe imports for drawing and for its other interface, which no detector calls: two
thirds of the CPU time of its import."""


def _solutions() -> ModuleType:
    """`mediapipe.solutions`, imported with its native log output turned off."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
    try:
        with _without(UNUSED):
            import mediapipe
    except ImportError as error:
        raise UserError(
            f"mediapipe cannot be imported ({error}): install mediapipe==0.10.14, the last release "
            "known here to carry its models."
        ) from None
    if not hasattr(mediapipe, "solutions"):
        raise UserError(
            f"mediapipe {mediapipe.__version__} carries no models: install mediapipe==0.10.14."
        )
    _make_no_classes()
    return mediapipe.solutions


def _make_no_classes() -> None:
    """Let MediaPipe hand out results that are plain objects.

    It would compile a namedtuple class for the results of every image: a fifth of a millisecond, a
    tenth of all that a detector costs.
    """
    from mediapipe.python import solution_base

    solution_base.collections = SimpleNamespace(namedtuple=lambda *_: SimpleNamespace())


@contextlib.contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Put empty modules in the place of those that are not loaded yet.

    They are gone afterwards: whoever needs one of them imports it as ever.
    """
    absent = {name: ModuleType(name) for name in names if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name, module in absent.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


class _Detector:
    """Owns one MediaPipe graph; use as a context manager."""

    def __init__(self, graph: object) -> None:
        self._graph = graph

    def __enter__(self):  # noqa: ANN204 - subclasses return themselves
        return self

    def __exit__(self, *_: object) -> None:
        self._graph.close()

    def _process(self, image: np.ndarray) -> object:
        return self._graph.process(image)


def _start(build: Callable[..., object], **options: object) -> object:
    """Build a graph and run one black image: it writes to stderr until its first result."""
    with quiet():
        graph = build(**options)
        graph.process(np.zeros((64, 64, 3), np.uint8))
    return graph


class FaceMesh(_Detector):
    """478 landmarks (with irises) of one face.

    Args:
        static: treat every image on its own; otherwise the last face found says where to look.
        confidence: least score of detection and of tracking, 0 to 1.
    """

    def __init__(self, *, static: bool, confidence: float) -> None:
        super().__init__(
            _start(
                _solutions().face_mesh.FaceMesh,
                static_image_mode=static,
                max_num_faces=1,
                refine_landmarks=True,
                min_detection_confidence=confidence,
                min_tracking_confidence=confidence,
            )
        )

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks [478,3] float32 of the face in uint8 RGB [H,W,3], or None.

        x, y in pixels; z in the scale of x, smaller is nearer to the camera.
        """
        result = self._process(image).multi_face_landmarks
        if not result:
            return None
        height, width = image.shape[:2]
        points = np.array([(p.x, p.y, p.z) for p in result[0].landmark], np.float32)
        return points * np.float32([width, height, width])

    def forget(self) -> None:
        """Drop the tracking state of earlier images."""
        self._graph.reset()


class FaceBoxes(_Detector):
    """Boxes of all faces, also small ones (full-range model)."""

    def __init__(self, *, confidence: float) -> None:
        super().__init__(
            _start(
                _solutions().face_detection.FaceDetection,
                model_selection=1,
                min_detection_confidence=confidence,
            )
        )

    def find(self, image: np.ndarray) -> np.ndarray:
        """Boxes [N,5] float32 (x, y, width, height, score) in uint8 RGB [H,W,3]."""
        height, width = image.shape[:2]
        rows = []
        for found in self._process(image).detections or ():
            box = found.location_data.relative_bounding_box
            rows.append(
                (box.xmin * width, box.ymin * height, box.width * width, box.height * height,
                 found.score[0])
            )  # fmt: skip
        return np.array(rows, np.float32).reshape(-1, 5)


class PersonMask(_Detector):
    """Probability that a pixel shows the person: the mean of MediaPipe's two selfie models."""

    def __init__(self) -> None:
        with quiet():
            solution = _solutions().selfie_segmentation.SelfieSegmentation
            super().__init__(solution(model_selection=0))
            self._second = solution(model_selection=1)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._second.close()

    def find(self, image: np.ndarray) -> np.ndarray:
        """Probabilities float32 [H,W] for uint8 RGB [H,W,3]."""
        with quiet():
            near, far = (
                graph.process(image).segmentation_mask for graph in (self._graph, self._second)
            )
        return np.clip((near + far) / 2, 0, 1)


class Hands(_Detector):
    """Up to two hands."""

    def __init__(self, *, static: bool, confidence: float) -> None:
        super().__init__(
            _start(
                _solutions().hands.Hands,
                static_image_mode=static,
                max_num_hands=2,
                model_complexity=0,
                min_detection_confidence=confidence,
                min_tracking_confidence=confidence,
            )
        )

    def find(self, image: np.ndarray) -> np.ndarray:
        """Joints [N,21,2] float32 (x, y) of the hands in uint8 RGB [H,W,3]."""
        height, width = image.shape[:2]
        hands = self._process(image).multi_hand_landmarks or ()
        joints = [[(p.x * width, p.y * height) for p in hand.landmark] for hand in hands]
        return np.array(joints, np.float32).reshape(-1, 21, 2)


class Solutions:
    """The detectors of MediaPipe 0.10.14."""

    name = "mediapipe 0.10.14 face mesh with irises"

    def mesh(self, *, static: bool, confidence: float) -> FaceMesh:
        """See `unigs.face.detectors.Detectors`."""
        return FaceMesh(static=static, confidence=confidence)

    def boxes(self, *, confidence: float) -> FaceBoxes:
        """See `unigs.face.detectors.Detectors`."""
        return FaceBoxes(confidence=confidence)

    def person(self) -> PersonMask:
        """See `unigs.face.detectors.Detectors`."""
        return PersonMask()

    def hands(self, *, static: bool, confidence: float) -> Hands:
        """See `unigs.face.detectors.Detectors`."""
        return Hands(static=static, confidence=confidence)
