"""Variables of a CTranslate2 model (`model.bin`), read without that package.

The file holds, little-endian: its version (2 to 6), name and revision of the kind of model, the
number of variables, then for each variable its name, shape, element type, bytes and content.
Texts end in a zero byte, which counts in the length before them. What follows are other names of
variables, which are not needed here.
"""

import math
import struct
from pathlib import Path

import numpy as np

KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)
"""Element types by their numbers in the file."""
VERSIONS = range(4, 7)
"""Versions of the file that are laid out like this."""
LARGEST_RANK = 8
"""Largest number of axes of a variable."""


def read_ctranslate2(path: Path) -> dict[str, np.ndarray]:
    """Variables by name, as arrays that cannot be written to.

    Raises:
        ValueError: the file is no model.bin, ends early, or says what its size belies.
    """
    reader = _Reader(Path(path).read_bytes())
    version = reader.number("I")
    if version not in VERSIONS:
        raise ValueError(f"version {version} of model.bin is not known, or it is another file")
    reader.text()
    reader.number("I")
    variables = {}
    for _ in range(reader.number("I")):
        name, array = reader.variable()
        if name in variables:
            raise ValueError(f"{name} stands there twice")
        variables[name] = array
    return variables


class _Reader:
    """Goes through a file and never beyond its end."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def take(self, size: int) -> memoryview:
        """The next bytes.

        Raises:
            ValueError: fewer are left.
        """
        if size > len(self.content) - self.place:
            raise ValueError(f"the file ends {size} bytes too early, at byte {self.place}")
        self.place += size
        return memoryview(self.content)[self.place - size : self.place]

    def number(self, kind: str) -> int:
        """The next whole number without a sign: B, H or I as in `struct`."""
        return struct.unpack(f"<{kind}", self.take(struct.calcsize(kind)))[0]

    def text(self) -> str:
        """The next text.

        Raises:
            ValueError: it is none.
        """
        content = bytes(self.take(self.number("H")))
        if not content.endswith(b"\0") or b"\0" in content[:-1]:
            raise ValueError(f"no text at byte {self.place}")
        return content[:-1].decode("utf-8")

    def variable(self) -> tuple[str, np.ndarray]:
        """The next variable.

        Raises:
            ValueError: its parts do not fit each other.
        """
        name, rank = self.text(), self.number("B")
        if rank > LARGEST_RANK:
            raise ValueError(f"{name} has {rank} axes")
        shape, kind = [self.number("I") for _ in range(rank)], self.number("B")
        if kind >= len(KINDS):
            raise ValueError(f"{name} has elements of an unknown type")
        dtype, size = np.dtype(KINDS[kind]).newbyteorder("<"), self.number("I")
        if size != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} has {size} bytes for the shape {shape}")
        return name, np.frombuffer(self.take(size), dtype).reshape(shape)
