"""Skin, hair and cloth from a segmentation network in an ONNX file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from unigs.face.face_frame import CHIN_Y, map_axes, map_to_image
from unigs.stage.errors import UserError

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
DEFAULT_SIZE = 512
"""Side of the network's input when the file leaves it open."""


class ParsingNetwork:
    """A network that gives independent probabilities of skin, clothes and hair.

    It replaces the color models of `unigs.prepare.regions.surfaces` and learns nothing.

    Args:
        path: .onnx file; input [1,3,H,W] RGB with ImageNet mean and deviation, output [1,3,H,W]
            in the order skin, clothes, hair.

    Raises:
        UserError: no path, no such file, no onnxruntime, or another kind of network.
    """

    def __init__(self, path: str | None) -> None:
        if path is None or not Path(path).is_file():
            raise UserError(
                f"the onnx back-end of segment_regions needs a network and {path} is no file: "
                "set regions.model to an .onnx file, or regions.backend to colours."
            )
        try:
            import onnxruntime
        except ImportError:
            raise UserError(
                "the onnx back-end of segment_regions needs onnxruntime: pip install onnxruntime."
            ) from None
        try:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise UserError(f"{path} cannot be loaded by onnxruntime ({error}).") from None
        given = self.session.get_inputs()[0]
        if len(given.shape) != 4 or given.shape[1] != 3:
            raise UserError(f"{path} takes {given.shape}, expected [1, 3, height, width].")
        self.path, self.name = path, given.name
        self.size = tuple(s if isinstance(s, int) else DEFAULT_SIZE for s in given.shape[:1:-1])

    def add(self, image: np.ndarray, person: np.ndarray, points: np.ndarray) -> None:
        """Nothing is learned from sampled frames."""

    def learn(self, rounds: int) -> None:
        """Nothing is learned."""

    def probabilities(self, image: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
        """Probabilities [H,W] of skin, of hair and of cloth of every pixel that shows the person.

        Args:
            image: uint8 RGB [H,W,3].
            matrix: affine matrix [2,3] of the frame, from `FaceFrame.to_map`.
        """
        height, width = image.shape[:2]
        scaled = cv2.resize(image, self.size, interpolation=cv2.INTER_LINEAR)
        scaled = (scaled.astype(np.float32) / 255 - MEAN) / DEVIATION
        out = self.session.run(None, {self.name: scaled.transpose(2, 0, 1)[None]})[0]
        if out.shape[:2] != (1, 3):
            raise UserError(f"{self.path} gives {out.shape}, expected [1, 3, height, width].")
        skin, cloth, hair = (
            cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in out[0]
        )
        # Parsing networks see clothes on heads; and where none of the three is sure, a person is
        # hair above the chin and cloth below it.
        _, y = map_axes()
        low = map_to_image(np.clip((y - CHIN_Y) / 0.04 + 0.5, 0, 1), matrix, height, width)
        cloth = cloth * low + 0.1 * low
        hair = hair + 0.1 * (1 - low)
        total = np.maximum(skin + cloth + hair, 1e-6)
        return [skin / total, hair / total, cloth / total]
