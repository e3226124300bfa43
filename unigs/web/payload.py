"""The data of a player's page: settings as JSON and named arrays, compressed as one."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping

import numpy as np

HALF_FROM = 4096
"""Arrays of floats with at least so many numbers are kept as float16."""
HALF_RANGE = 6e4
"""Largest absolute value of an array that float16 can hold."""
TYPES = {"f32": "<f4", "f16": "<f2", "i16": "<i2", "u8": "u1"}
"""Types of arrays by the names that the player knows."""


def type_of(values: np.ndarray, exact: bool) -> str:
    """How the page keeps an array: the name of a type of `TYPES`.

    Args:
        values: floats, int16 or uint8.
        exact: floats stay float32.
    """
    if values.dtype == np.uint8:
        return "u8"
    if values.dtype == np.int16:
        return "i16"
    fits = values.size >= HALF_FROM and float(np.abs(values).max()) <= HALF_RANGE
    return "f16" if fits and not exact else "f32"


def encode(
    header: Mapping[str, object], arrays: Mapping[str, np.ndarray], exact: frozenset[str]
) -> str:
    """The text that the page holds: base64 of compressed JSON and arrays.

    The bytes of numbers are sorted by their place in the number, which compresses better.

    Args:
        header: JSON values.
        arrays: arrays by name, of floats, int16 or uint8.
        exact: names of arrays of floats that stay float32.
    """
    places, blob = {}, bytearray()
    for name, values in arrays.items():
        kind = type_of(values, name in exact)
        places[name] = {"type": kind, "shape": list(values.shape), "at": len(blob)}
        plain = np.ascontiguousarray(values.astype(TYPES[kind])).reshape(-1)
        blob += plain.view(np.uint8).reshape(len(plain), plain.itemsize).T.tobytes()
    text = json.dumps({**header, "arrays": places}, allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode() + b"\n" + bytes(blob), 9)).decode()
