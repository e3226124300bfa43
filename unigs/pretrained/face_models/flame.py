"""FLAME, as its makers publish it (.pkl), or as arrays (.npz), and its embeddings of landmarks.

`shapedirs` holds 300 directions of identity and then those of expression, all in units of their
standard deviations. Landmarks lie in triangles: their corners' shares are in `lmk_b_coords`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.pretrained.face_models.inert_pickles import read_arrays
from unigs.pretrained.face_models.model import FaceModel

IDENTITY = 300
"""Directions of identity, before those of expression."""


def read_flame(path: Path) -> FaceModel:
    """The neutral model; joints and their weights are left out.

    Raises:
        ValueError: the file is damaged, or lacks an array of the model.
    """
    arrays = _npz(path) if Path(path).suffix.lower() == ".npz" else read_arrays(path)
    lacking = [name for name in ("v_template", "shapedirs", "f") if name not in arrays]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)} of FLAME")
    mean, directions, triangles = arrays["v_template"], arrays["shapedirs"], arrays["f"]
    if mean.ndim != 2 or directions.ndim != 3 or directions.shape[:2] != mean.shape:
        raise ValueError("its arrays do not fit each other")
    if triangles.ndim != 2 or triangles.shape[1] != 3 or triangles.max(initial=0) >= len(mean):
        raise ValueError("its triangles name vertices that are not there")
    flat = directions.reshape(mean.size, -1)
    identity, expression = flat[:, :IDENTITY], flat[:, IDENTITY:]
    ones = [np.ones(part.shape[1]) for part in (identity, expression)]
    return FaceModel(mean, identity, ones[0], expression, ones[1], triangles.astype(np.int64))


def read_embedding(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Triangles [...] and shares of their corners [...,3] of an embedding of landmarks.

    Raises:
        ValueError: the file is damaged, or holds none.
    """
    arrays = read_arrays(path)
    try:
        faces, shares = arrays["lmk_face_idx"].astype(np.int64), arrays["lmk_b_coords"]
    except KeyError as error:
        raise ValueError(f"it lacks {error.args[0]} of an embedding of landmarks") from None
    if shares.shape != (*faces.shape, 3) or not np.isfinite(shares).all():
        raise ValueError("its arrays do not fit each other")
    return faces, shares


def _npz(path: Path) -> dict[str, np.ndarray]:
    """Arrays of numbers of an .npz file; those that are pickles are left out."""
    found = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in ("v_template", "shapedirs", "f"):
                if name in archive.files:
                    found[name] = archive[name]
    # What NumPy stumbles over in a damaged archive is of many kinds.
    except Exception:
        raise ValueError("no .npz file of plain arrays, or a damaged one") from None
    return found
