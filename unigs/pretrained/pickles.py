"""Pickles from strangers: the check before one is opened, and one that holds NumPy arrays alone.

A pickle is a program. Its reader here knows three names, those that rebuild an array, and gives
them functions of its own, which take numbers and bytes and nothing else.
"""

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import BinaryIO

import numpy as np

LARGEST_PLACE = 1 << 20
"""Largest number under which a pickle may remember an object: the reader keeps a list that long."""
KINDS = {"f2", "f4", "f8", "i4", "i8"}
"""Element types that an array may have."""
RECONSTRUCT = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}


def checked(content: bytes) -> io.BytesIO:
    """A pickle, ready to be read, after a look at its instructions.

    Raises:
        ValueError: it is no pickle, ends early, or makes its reader ask for absurd memory.
    """
    file = io.BytesIO(content)
    check(file)
    return file


def check(file: BinaryIO) -> None:
    """Look at the instructions of the pickle that comes next in a file, and go back to its start.

    Args:
        file: open for reading, at the beginning of the pickle.

    Raises:
        ValueError: there is no pickle, it ends early, or makes its reader ask for absurd memory.
    """
    start = file.tell()
    for instruction, argument, _ in pickletools.genops(file):
        if "PUT" in instruction.name and argument > LARGEST_PLACE:
            raise ValueError("a pickle that asks for absurd memory")
    file.seek(start)


def read_array_pickle(path: Path) -> dict:
    """The nested mappings of NumPy arrays that a pickle holds.

    Raises:
        ValueError: it holds anything else, or is damaged.
    """
    try:
        content = _Unpickler(checked(Path(path).read_bytes())).load()
        return _plain(content)
    # Whatever a hostile or damaged pickle makes its reader stumble over.
    except Exception as error:
        raise ValueError(f"no pickle of arrays alone: {error}") from None


class _Type:
    """What a pickle says of an element type."""

    def __init__(self, kind: object, *_: object) -> None:
        if kind not in KINDS:
            raise ValueError(f"elements of type {str(kind)[:20]}")
        self.dtype = np.dtype(f"<{kind}")

    def __setstate__(self, state: tuple) -> None:
        if state[1] not in ("<", "=", "|"):
            raise ValueError("numbers with the largest byte first")


class _Array:
    """What a pickle says of an array; `value` once all is said."""

    value: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, columns_first, content = state
        if not (isinstance(kind, _Type) and isinstance(content, bytes)):
            raise ValueError("an array without numbers")
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError("an array without a shape")
        if math.prod(shape) * kind.dtype.itemsize != len(content):
            raise ValueError(f"{len(content)} bytes for an array of shape {shape}")
        flat = np.frombuffer(content, kind.dtype)
        self.value = flat.reshape(shape, order="F" if columns_first else "C")


def _reconstruct(*_: object) -> _Array:
    return _Array()


class _Unpickler(pickle.Unpickler):
    """Finds what rebuilds arrays, and refuses every other name."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in RECONSTRUCT:
            return _reconstruct
        if (module, name) == ("numpy", "dtype"):
            return _Type
        if (module, name) == ("numpy", "ndarray"):
            return _Array
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def _plain(content: object) -> dict | np.ndarray:
    if isinstance(content, dict) and all(isinstance(name, str) for name in content):
        return {name: _plain(value) for name, value in content.items()}
    if isinstance(content, _Array) and content.value is not None:
        return content.value
    raise ValueError(f"{type(content).__name__} in the place of an array")
