"""Constants of a frozen TensorFlow graph (.pb), read without TensorFlow.

The file is a protocol buffer, GraphDef: fields with a number each, one after another, of which a
few are looked at. A constant is a node (field 1) of the operation Const, whose attribute `value`
holds a tensor: element type, shape, and its numbers as bytes or one by one. Nothing of the graph
is run: a reader that knows the network puts the constants in their places.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

NODE = 1
"""GraphDef: its nodes."""
NAME, OPERATION, ATTRIBUTE = 1, 2, 5
"""NodeDef: its name, its operation, its attributes."""
KEY, VALUE = 1, 2
"""An attribute: its name and its value."""
TENSOR = 8
"""The value of an attribute that is a tensor."""
KIND, SHAPE, CONTENT, FLOATS = 1, 2, 4, 5
"""TensorProto: element type, shape, numbers as bytes, numbers one by one."""
DIMENSION, SIZE = 2, 1
"""TensorShapeProto: its dimensions, and the size of one."""
FLOAT = 1
"""Number of the element type float32."""
WHOLE, EIGHT, BYTES, FOUR = 0, 1, 2, 5
"""How a field is stored: as a whole number of any length, as 8 bytes, as many as it says, as 4."""
LONGEST = 10
"""Bytes that a whole number may have."""
LARGEST_RANK = 8
"""Largest number of axes of a tensor."""


def read_constants(path: Path) -> dict[str, np.ndarray]:
    """All float32 constants of a graph by name, as arrays that cannot be written to.

    Raises:
        ValueError: the file is no graph, ends early, or says what its size belies.
    """
    with open(path, "rb") as file:
        try:
            # Half a gigabyte, of which arrays stay where they lie.
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:
            raise ValueError("it is empty") from None
    found: dict[str, np.ndarray] = {}
    for number, stored, node in _fields(content):
        if (number, stored) == (NODE, BYTES):
            named = _constant(node)
            if named is not None:
                name, array = named
                if name in found:
                    raise ValueError(f"{name} stands there twice")
                found[name] = array
    return found


def _constant(node: memoryview) -> tuple[str, np.ndarray] | None:
    """Name and numbers of a node that is a constant of float32; None for any other."""
    name, operation, tensor = "", "", None
    for number, stored, value in _fields(node):
        if stored != BYTES:
            continue
        if number == NAME:
            name = _text(value)
        elif number == OPERATION:
            operation = _text(value)
        elif number == ATTRIBUTE:
            tensor = _tensor_of(value) or tensor
    if operation != "Const" or tensor is None:
        return None
    array = _array(name, tensor)
    return None if array is None else (name, array)


def _tensor_of(attribute: memoryview) -> memoryview | None:
    """The tensor of an attribute that is called value."""
    parts = {number: part for number, stored, part in _fields(attribute) if stored == BYTES}
    if _text(parts.get(KEY, b"")) != "value" or VALUE not in parts:
        return None
    inside = {number: part for number, stored, part in _fields(parts[VALUE]) if stored == BYTES}
    return inside.get(TENSOR)


def _array(name: str, tensor: memoryview) -> np.ndarray | None:
    """The numbers of a tensor of float32; None for another element type.

    Raises:
        ValueError: its shape does not fit its numbers.
    """
    kind, shape, parts = 0, [], []
    for number, stored, value in _fields(tensor):
        if (number, stored) == (KIND, WHOLE):
            kind = value
        elif (number, stored) == (SHAPE, BYTES):
            shape = _shape(value)
        elif (number, stored) in ((CONTENT, BYTES), (FLOATS, BYTES), (FLOATS, FOUR)):
            if len(value) % 4:
                raise ValueError(f"{name} ends within a number")
            parts.append(np.frombuffer(value, "<f4"))
    if kind != FLOAT:
        return None
    # Nothing is copied where all numbers lie together, as in all large constants.
    numbers = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, "<f4"), *parts])
    count = math.prod(shape)
    if len(shape) > LARGEST_RANK or len(numbers) not in (1, count):
        raise ValueError(f"{name} has {len(numbers)} numbers for the shape {shape}")
    # One number stands for all of a constant that is even.
    even = len(numbers) == 1 != count
    return np.broadcast_to(numbers, shape) if even else numbers.reshape(shape)


def _shape(content: memoryview) -> list[int]:
    """Sizes of a tensor's axes."""
    sizes = []
    for number, stored, dimension in _fields(content):
        if (number, stored) == (DIMENSION, BYTES):
            inside = {n: v for n, kind, v in _fields(dimension) if kind == WHOLE}
            sizes.append(inside.get(SIZE, 0))
    return sizes


def _fields(content: memoryview) -> Iterator[tuple[int, int, memoryview | int]]:
    """Number, kind and value of each field of a message.

    Raises:
        ValueError: the message ends within a field, or holds a kind of field that is not known.
    """
    place = 0
    while place < len(content):
        tag, place = _whole(content, place)
        number, stored = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("it is no protocol buffer")
        if stored == WHOLE:
            value, place = _whole(content, place)
            yield number, stored, value
            continue
        if stored == BYTES:
            size, place = _whole(content, place)
        elif stored in (EIGHT, FOUR):
            size = 8 if stored == EIGHT else 4
        else:
            raise ValueError("it is no protocol buffer")
        if size > len(content) - place:
            raise ValueError(f"it ends {size - len(content) + place} bytes too early")
        yield number, stored, content[place : place + size]
        place += size


def _whole(content: memoryview, place: int) -> tuple[int, int]:
    """The whole number at a place, seven bits a byte, and the place behind it."""
    number = 0
    for count in range(LONGEST):
        if place + count >= len(content):
            raise ValueError("it ends within a number")
        byte = content[place + count]
        number |= (byte & 127) << (7 * count)
        if byte < 128:
            return number, place + count + 1
    raise ValueError("it is no protocol buffer")


def _text(content: memoryview | bytes) -> str:
    """A text; what is none in UTF-8 becomes one that no name equals."""
    return bytes(content).decode("utf-8", errors="replace")
