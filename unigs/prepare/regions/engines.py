"""Files of segmentation networks, each behind one call: a picture in, scores per class out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from unigs.prepare.regions.bisenet import load_bisenet, scores_of
from unigs.stage.errors import UserError

DEFAULT_SIZE = 512
"""Side of the network's input when the file leaves it open."""


class Engine(Protocol):
    """A network that is ready to run."""

    size: tuple[int, int]
    """Width and height of its input, pixels."""

    def run(self, picture: np.ndarray) -> np.ndarray:
        """Scores [C,h,w] of a picture float32 [H,W,3] of its size."""


class OnnxEngine:
    """A network in an .onnx file, which onnxruntime runs.

    Args:
        path: the file.

    Raises:
        UserError: onnxruntime is not installed, or the file is another kind of network.
    """

    def __init__(self, path: str) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise _missing("onnx", "onnxruntime") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise UserError(f"{path} cannot be loaded by onnxruntime ({error}).") from None
        given = self.session.get_inputs()
        if len(given) != 1:
            raise UserError(f"{path} takes {len(given)} inputs, expected one picture.")
        self.path, self.name = path, given[0].name
        self.size, self.last = picture_axes(path, given[0].shape)

    def run(self, picture: np.ndarray) -> np.ndarray:
        """Scores [C,h,w] of a picture float32 [H,W,3]."""
        given = picture if self.last else picture.transpose(2, 0, 1)
        out = self.session.run(None, {self.name: np.ascontiguousarray(given[None])})[0]
        return planes(self.path, out, self.last)


class TfliteEngine:
    """A network in a .tflite file, which LiteRT runs.

    Args:
        path: the file.

    Raises:
        UserError: ai-edge-litert is not installed, or the file is another kind of network.
    """

    def __init__(self, path: str) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise _missing("tflite", "ai-edge-litert") from None
        try:
            self.interpreter = Interpreter(path, num_threads=1)
            self.interpreter.allocate_tensors()
        except Exception as error:
            raise UserError(f"{path} cannot be loaded by LiteRT ({error}).") from None
        given, got = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        if len(given) != 1 or given[0]["dtype"] != np.float32:
            raise UserError(f"{path} does not take one picture of float32: use such a network.")
        self.path, self.input, self.output = path, given[0]["index"], got[0]["index"]
        self.size, self.last = picture_axes(path, [int(n) for n in given[0]["shape"]])

    def run(self, picture: np.ndarray) -> np.ndarray:
        """Scores [C,h,w] of a picture float32 [H,W,3]."""
        given = picture if self.last else picture.transpose(2, 0, 1)
        self.interpreter.set_tensor(self.input, np.ascontiguousarray(given[None]))
        self.interpreter.invoke()
        return planes(self.path, self.interpreter.get_tensor(self.output), self.last)


class BiSeNetEngine:
    """Weights of BiSeNet for face parsing, which torch runs.

    Args:
        path: the state dict (.pth).

    Raises:
        UserError: torch is not installed, or the file does not hold such weights.
    """

    size = (DEFAULT_SIZE, DEFAULT_SIZE)

    def __init__(self, path: str) -> None:
        try:
            self.network = load_bisenet(Path(path))
        except ImportError:
            raise _missing("bisenet", "torch") from None

    def run(self, picture: np.ndarray) -> np.ndarray:
        """Scores [C,h,w] of a picture float32 [H,W,3]."""
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None]))
            return scores_of(self.network, given)[0].numpy()


ENGINES = {"onnx": OnnxEngine, "tflite": TfliteEngine, "bisenet": BiSeNetEngine}
"""Kinds of files by the name that the setting regions.backend gives them."""


def picture_axes(path: str, shape: Sequence[int | str | None]) -> tuple[tuple[int, int], bool]:
    """Width and height of a network's input, and whether its colors come last.

    Args:
        path: file of the network, for the message.
        shape: of the input; what the file leaves open is no number.

    Raises:
        UserError: it takes no single picture in color.
    """
    if len(shape) == 4 and 3 in (shape[1], shape[3]) and shape[0] in (1, -1, None, *_words(shape)):
        last = shape[1] != 3
        height, width = shape[1:3] if last else shape[2:]
        fixed = [n if isinstance(n, int) and n > 0 else DEFAULT_SIZE for n in (width, height)]
        return (fixed[0], fixed[1]), last
    raise UserError(f"{path} takes {list(shape)}, expected [1, 3, height, width] or colors last.")


def planes(path: str, out: np.ndarray, last: bool) -> np.ndarray:
    """Scores [C,h,w] of a network's output, [1,C,h,w] or with the classes last.

    Raises:
        UserError: it is not of such a shape.
    """
    if out.ndim != 4 or out.shape[0] != 1:
        raise UserError(f"{path} gives {list(out.shape)}, expected a score per class and pixel.")
    return np.moveaxis(out[0], 2, 0) if last else out[0]


def _words(shape: Sequence[int | str | None]) -> list[str]:
    return [n for n in shape if isinstance(n, str)]


def _missing(backend: str, package: str) -> UserError:
    how = package if package == "torch" else "'unigs[models]'"
    return UserError(
        f"the {backend} back-end of segment_regions needs {package}: pip install {how}."
    )
