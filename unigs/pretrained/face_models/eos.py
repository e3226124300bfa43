"""Face models of the library eos (.bin): the Surrey Face Model, and others that it converted.

The files are archives of cereal without names: numbers one after another, the smallest byte first.
A matrix is two int32 (rows, columns) and its float32 column by column; a list is a uint64 and its
elements. A PCA model is mean, orthonormal basis, variances and triangles. The file begins with the
version of its layout: 1 has shape and color; from 2 on expression follows, as a flag that says that
there is none, the kind (0: PCA, 1: blendshapes) and the model.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from unigs.pretrained.face_models.model import FaceModel

VERSIONS = (1, 2, 3, 4)
"""Layouts that are read; 0 is older and holds OpenCV's matrices."""


def read_eos(path: Path) -> FaceModel:
    """A morphable model.

    Raises:
        ValueError: the file is none, or ends early.
    """
    archive = _Archive(Path(path).read_bytes())
    version = archive.number("I")
    if version not in VERSIONS:
        raise ValueError(f"version {version} of eos's layout, known are 1 to 4")
    mean, basis, variances, triangles = archive.pca()
    archive.pca()  # color
    expression, deviations = np.zeros((mean.size, 0), np.float32), np.zeros(0)
    if version > 1 and not archive.number("?"):
        if archive.number("i"):
            expression = _stacked(archive.blendshapes())
            deviations = np.full(expression.shape[1], np.nan)
        else:
            shift, expression, theirs, _ = archive.pca()
            mean, deviations = mean + shift, _roots(theirs)
    return FaceModel(_by_vertex(mean), basis, _roots(variances), expression, deviations, triangles)


def read_blendshapes(path: Path) -> np.ndarray:
    """Directions of expression [3V,E] of a file of blendshapes.

    Raises:
        ValueError: the file is none, or ends early.
    """
    archive = _Archive(Path(path).read_bytes())
    shapes = archive.blendshapes()
    if archive.place != len(archive.content):
        raise ValueError("bytes follow the last blendshape")
    return _stacked(shapes)


def _stacked(shapes: list[np.ndarray]) -> np.ndarray:
    if len({len(shape) for shape in shapes}) != 1:
        raise ValueError("blendshapes of different lengths, or none")
    return np.concatenate(shapes, 1)


def _roots(variances: np.ndarray) -> np.ndarray:
    if (variances < 0).any():
        raise ValueError("variances below zero")
    return np.sqrt(variances.astype(np.float64)).reshape(-1)


def _by_vertex(mean: np.ndarray) -> np.ndarray:
    if mean.size % 3:
        raise ValueError(f"{mean.size} numbers for the vertices of a mean")
    return mean.reshape(-1, 3)


class _Archive:
    """Reads one value after another.

    Args:
        content: the file's bytes.
    """

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def bytes(self, count: int) -> bytes:
        """The next bytes.

        Raises:
            ValueError: there are not so many.
        """
        end = self.place + count
        if count < 0 or end > len(self.content):
            raise ValueError(f"it ends {end - len(self.content)} bytes too early")
        found, self.place = self.content[self.place : end], end
        return found

    def number(self, kind: str) -> int:
        """The next number, of a kind of `struct`."""
        return struct.unpack(f"<{kind}", self.bytes(struct.calcsize(f"<{kind}")))[0]

    def matrix(self) -> np.ndarray:
        """The next matrix."""
        rows, columns = self.number("i"), self.number("i")
        if rows < 0 or columns < 0:
            raise ValueError(f"a matrix of {rows} x {columns}")
        values = np.frombuffer(self.bytes(4 * rows * columns), "<f4")
        return values.reshape(rows, columns, order="F")

    def pca(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Mean, basis, variances and triangles of the next PCA model."""
        mean, basis, variances = self.matrix(), self.matrix(), self.matrix()
        triangles = np.frombuffer(self.bytes(12 * self.number("Q")), "<i4").reshape(-1, 3)
        return mean, basis, variances, triangles

    def blendshapes(self) -> list[np.ndarray]:
        """The next list of blendshapes, each [3V,1]."""
        count = self.number("Q")
        if count > len(self.content):
            raise ValueError(f"a list of {count} blendshapes")
        shapes = []
        for _ in range(count):
            self.bytes(self.number("Q"))  # its name
            shapes.append(self.matrix())
        return shapes
