"""Pickles of objects whose classes are not here: arrays are read, no code runs.

FLAME's files are pickles of Python 2 that name chumpy and SciPy. Every name but those that rebuild
an array resolves to a stub, which keeps what the pickle says of it and does nothing.
"""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np

from unigs.pretrained.pickles import RECONSTRUCT, checked

KINDS = {"f2", "f4", "f8", "i4", "i8", "u4", "u8", "i2", "u2", "i1", "u1"}
"""Element types of arrays that are read; of others the numbers are left out."""
NPY = b"\x93NUMPY"
"""First bytes of a .npy file."""


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of numbers by name out of a pickled mapping, or one in a .npy file.

    Arrays inside chumpy's objects are found; whatever else the mapping holds is left out.

    Raises:
        ValueError: the file is damaged, or holds no mapping.
    """
    content = Path(path).read_bytes()
    try:
        if content.startswith(NPY):
            content = content[_header_end(content) :]
        found = _Unpickler(checked(content), encoding="latin1").load()
    # Whatever a hostile or damaged pickle makes its reader stumble over.
    except Exception as error:
        raise ValueError(f"no pickle, or a damaged one ({error})") from None
    if isinstance(found, _Array) and isinstance(found.value, list) and len(found.value) == 1:
        (found,) = found.value
    if not isinstance(found, dict):
        raise ValueError("it holds no mapping of names to arrays")
    arrays = {str(name): _array(value) for name, value in found.items()}
    return {name: array for name, array in arrays.items() if array is not None}


def _header_end(content: bytes) -> int:
    """Place behind the header of a .npy file."""
    size, start = (2, 10) if content[6] == 1 else (4, 12)
    return start + int.from_bytes(content[8 : 8 + size], "little")


def _array(value: object) -> np.ndarray | None:
    """The numbers of an array, or of the array inside an object of chumpy."""
    if isinstance(value, Stub) and isinstance(value.state, dict):
        value = value.state.get("x")
    if isinstance(value, _Array) and isinstance(value.value, np.ndarray):
        return value.value
    return None


class Stub:
    """Stands in for any class or function that a pickle names."""

    state: object = None
    """What the pickle says of the object."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __new__(cls, *_: object, **__: object) -> Stub:
        """An object without any part."""
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, item: object) -> None:
        """Accept and forget."""

    def extend(self, items: object) -> None:
        """Accept and forget."""


class _Type(Stub):
    """What a pickle says of an element type."""

    def __init__(self, kind: object = "", *_: object) -> None:
        self.kind = str(kind)

    def dtype(self) -> np.dtype | None:
        """The element type; None for one that is not read."""
        order = self.state[1] if isinstance(self.state, tuple) else "<"
        known = self.kind in KINDS and order in ("<", ">", "=", "|")
        return np.dtype(f"{order.replace('=', '<')}{self.kind}") if known else None


class _Array(Stub):
    """What a pickle says of an array; `value` once all is said."""

    value: np.ndarray | list | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, columns_first, content = state
        if isinstance(content, list):
            self.value = content
            return
        dtype = kind.dtype() if isinstance(kind, _Type) else None
        if dtype is None:
            return
        content = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(content, bytes) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError("an array without numbers")
        if math.prod(shape) * dtype.itemsize != len(content):
            raise ValueError(f"{len(content)} bytes for an array of shape {shape}")
        flat = np.frombuffer(content, dtype)
        self.value = flat.reshape(shape, order="F" if columns_first else "C")


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _latin1(text: object, encoding: object = "latin1") -> bytes:
    """Bytes as Python 3 writes them into pickles for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("bytes in an unknown encoding")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    """Finds what rebuilds arrays; every other name is a stub."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in RECONSTRUCT:
            return _reconstruct
        known = {("numpy", "dtype"): _Type, ("numpy", "ndarray"): _Array}
        return {**known, ("_codecs", "encode"): _latin1}.get((module, name), Stub)
