"""A small DeepSpeech 0.1.0 as a frozen TensorFlow graph, written byte by byte."""

from __future__ import annotations

import struct

import numpy as np

from tests.support.network_files import field, varint

FLOAT, INT = 1, 3


def shape_of(sizes: tuple[int, ...]) -> bytes:
    return b"".join(field(2, field(1, n) if n else b"") for n in sizes)


def constant(name: str, values: np.ndarray, *, one_by_one: bool = False) -> bytes:
    """A node Const of float32, its numbers as bytes or one by one."""
    floats = values.astype("<f4")
    tensor = field(1, FLOAT) + field(2, shape_of(values.shape))
    if one_by_one:
        tensor += b"".join(varint(5 << 3 | 5) + struct.pack("<f", x) for x in floats.reshape(-1))
    else:
        tensor += field(4, floats.tobytes())
    return node(name, "Const", value=tensor)


def node(name: str, operation: str, value: bytes | None = None) -> bytes:
    """A node of a graph, with its element type and perhaps a tensor among its attributes."""
    content = field(1, name) + field(2, operation) + field(3, "somewhere:0") + field(4, "/cpu:0")
    content += field(5, field(1, "dtype") + field(2, field(6, FLOAT)))
    if value is not None:
        content += field(5, field(1, "value") + field(2, field(8, value)))
    return field(1, content)


def whole_numbers(name: str) -> bytes:
    """A node Const of int32, of which the network has some beside its weights."""
    tensor = field(1, INT) + field(2, shape_of((2,))) + field(4, struct.pack("<2i", -1, 494))
    return node(name, "Const", value=tensor)


def small_weights(widths=(7, 6, 9, 4, 5), letters=29, seed=0) -> dict[str, np.ndarray]:
    """Weights by their names in the graph; widths of layers 1, 2, 3, the cell, and 5."""
    rng = np.random.default_rng(seed)
    one, two, three, cell, five = widths
    sizes = {"1": (494, one), "2": (one, two), "3": (two, three), "5": (2 * cell, five),
             "6": (five, letters)}  # fmt: skip
    found = {}
    for number, size in sizes.items():
        # Large enough that some numbers reach 20 and some fall below 0.
        found[f"h{number}"] = rng.normal(0, 12 / np.sqrt(size[0]), size).astype(np.float32)
        found[f"b{number}"] = rng.normal(0, 1, size[1]).astype(np.float32)
    for way in ("fw", "bw"):
        name = f"bidirectional_rnn/{way}/basic_lstm_cell"
        kernel = rng.normal(0, 0.15, (three + cell, 4 * cell))
        found[f"{name}/kernel"] = kernel.astype(np.float32)
        found[f"{name}/bias"] = rng.normal(0, 0.5, 4 * cell).astype(np.float32)
    return found


def graph(weights: dict[str, np.ndarray], prefix: str = "") -> bytes:
    """A frozen graph with these constants, and what else such a graph holds."""
    parts = [node("input_node", "Placeholder"), whole_numbers("Reshape/shape")]
    for k, (name, values) in enumerate(weights.items()):
        parts.append(constant(prefix + name, values, one_by_one=k % 3 == 1))
        parts.append(node(f"{prefix}{name}/read", "Identity"))
    parts.append(constant("Minimum/x", np.array(20.0)))
    return b"".join(parts) + field(4, field(1, 24))  # versions
