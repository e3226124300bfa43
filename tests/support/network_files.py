"""Small segmentation networks, written byte by byte: one convolution of size 1."""

from __future__ import annotations

import struct

import flatbuffers
import numpy as np

# --- ONNX: a protocol buffer ------------------------------------------------------------


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number: int, value: int | bytes | str) -> bytes:
    """A field of a protocol buffer: a whole number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(field(1, n) for n in values.shape)
    return dims + field(2, 1) + field(8, name) + field(9, values.astype("<f4").tobytes())


def picture(name: str, shape: list[int | str]) -> bytes:
    """A value of float32 with a shape; a word is a size that is left open."""
    sizes = b"".join(field(1, field(1 if isinstance(n, int) else 2, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sizes)))


def onnx_file(weight: np.ndarray, bias: np.ndarray, shape: list[int | str] | None = None) -> bytes:
    """A network that gives every pixel weight [C,3] times its color plus bias [C]."""
    shape = shape or [1, 3, 64, 48]
    given = [(field(5, tensor("w", weight[..., None, None]))), field(5, tensor("b", bias))]
    node = b"".join(field(1, n) for n in ("x", "w", "b")) + field(2, "y") + field(4, "Conv")
    ends = field(11, picture("x", shape)) + field(12, picture("y", [1, len(bias), *shape[2:]]))
    graph = field(1, node) + field(2, "small") + b"".join(given) + ends
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


# --- TensorFlow Lite: a flat buffer -----------------------------------------------------


class _Tables:
    """Writes tables field by field; vectors and strings come before what holds them."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1 << 16)

    def table(self, *fields: tuple[int, str, int]) -> int:
        """A table of (number, kind, value); a kind is Int32, Int8, Uint32 or an offset."""
        self.builder.StartObject(1 + max(number for number, _, _ in fields))
        for number, kind, value in fields:
            if kind == "offset":
                self.builder.PrependUOffsetTRelativeSlot(number, value, 0)
            else:
                getattr(self.builder, f"Prepend{kind}Slot")(number, value, 0)
        return self.builder.EndObject()

    def offsets(self, *places: int) -> int:
        self.builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self.builder.PrependUOffsetTRelative(place)
        return self.builder.EndVector()

    def numbers(self, *values: int) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependInt32(value)
        return self.builder.EndVector()

    def data(self, content: bytes) -> int:
        self.builder.StartVector(1, len(content), 16)
        for byte in reversed(content):
            self.builder.PrependByte(byte)
        return self.builder.EndVector()


def tflite_file(weight: np.ndarray, bias: np.ndarray, side: int = 256) -> bytes:
    """The same network, colors and classes last, pictures of side x side."""
    made, classes = _Tables(), len(bias)
    empty = made.table((0, "offset", made.offsets()))
    held = [made.data(struct.pack(f"<{a.size}f", *a.reshape(-1))) for a in (weight, bias)]
    buffers = made.offsets(empty, *(made.table((0, "offset", place)) for place in held))
    shapes = [(1, side, side, 3), (classes, 1, 1, 3), (classes,), (1, side, side, classes)]
    tensors = []
    for name, shape, buffer in zip(("x", "w", "b", "y"), shapes, (0, 1, 2, 0), strict=True):
        fields = (made.numbers(*shape), made.builder.CreateString(name))
        tensors.append(
            made.table((0, "offset", fields[0]), (2, "Uint32", buffer), (3, "offset", fields[1]))
        )
    same = made.table((1, "Int32", 1), (2, "Int32", 1))  # strides; the padding is SAME
    ends = made.numbers(0, 1, 2), made.numbers(3)
    operator = made.table(
        (1, "offset", ends[0]), (2, "offset", ends[1]), (3, "Uint8", 1), (4, "offset", same)
    )
    parts = made.offsets(*tensors), made.numbers(0), made.numbers(3), made.offsets(operator)
    graph = made.table(*((number, "offset", part) for number, part in enumerate(parts)))
    code = made.table((0, "Int8", 3), (2, "Int32", 1), (3, "Int32", 3))  # CONV_2D
    parts = made.offsets(code), made.offsets(graph), made.builder.CreateString("small"), buffers
    model = made.table(
        (0, "Uint32", 3), *((number, "offset", part) for number, part in enumerate(parts, 1))
    )
    made.builder.Finish(model, b"TFL3")
    return bytes(made.builder.Output())
