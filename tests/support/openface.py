"""Tables as OpenFace's FeatureExtraction and pyfaceau write them."""

from pathlib import Path

import numpy as np

from unigs.subject.features import FACE_UNITS as UNITS


def openface_csv(path: Path, rows: int, comma: str = ", ", drop: tuple = ()) -> Path:
    """What FeatureExtraction writes, with the space after commas that some builds put."""
    names = ["frame", "face_id", "timestamp", "confidence", "success"]
    names += [f"{u}_r" for u in (*UNITS, "AU25")]
    table = {name: np.arange(rows) / 100 + column - 2 for column, name in enumerate(names)}
    table |= {"frame": np.arange(rows) + 1, "face_id": np.zeros(rows, int)}
    table |= {"timestamp": np.arange(rows) / 25, "success": np.ones(rows, int)}
    names = [name for name in names if name not in drop]
    lines = [comma.join(names)]
    lines += [comma.join(f"{table[name][k]:.5g}" for name in names) for k in range(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path
