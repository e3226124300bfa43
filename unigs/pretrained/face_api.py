"""Weights of face-api: a manifest of names, shapes and ranges (JSON), and one byte per number."""

import json
import math
from pathlib import Path

import numpy as np


def read_face_api(manifest: Path, weights: Path) -> dict[str, np.ndarray]:
    """Weights by the manifest's names, float32.

    Args:
        manifest: the manifest (.json).
        weights: the bytes, in the manifest's order (.bin).

    Raises:
        ValueError: the manifest is none, or does not fit the bytes.
    """
    try:
        (group,) = json.loads(Path(manifest).read_text(encoding="utf-8"))
        entries = [_entry(entry) for entry in group["weights"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"the manifest is not face-api's: {error!r}") from None
    content = Path(weights).read_bytes()
    if sum(math.prod(shape) for _, shape, _, _ in entries) != len(content):
        raise ValueError(f"the manifest does not fit the {len(content)} bytes beside it")
    found, place = {}, 0
    for name, shape, scale, smallest in entries:
        levels = np.frombuffer(content, np.uint8, math.prod(shape), place)
        values = levels.astype(np.float32) * np.float32(scale) + np.float32(smallest)
        found[name], place = values.reshape(shape), place + math.prod(shape)
    return found


def _entry(entry: dict) -> tuple[str, list[int], float, float]:
    """Name, shape, step and smallest value of a tensor.

    Raises:
        ValueError: its numbers are not bytes, or its shape is none.
    """
    shape, levels = entry["shape"], entry["quantization"]
    if levels["dtype"] != "uint8" or not isinstance(entry["name"], str):
        raise ValueError(f"{entry['name']} is not quantized to bytes")
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(f"{entry['name']} has no shape")
    return entry["name"], shape, float(levels["scale"]), float(levels["min"])
