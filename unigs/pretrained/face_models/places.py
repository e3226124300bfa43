"""Where a model has the landmarks of the iBUG annotation, and its jaw.

eos keeps vertex numbers, as lines `31 = 114` in a text file, and the jaw's as JSON; FLAME's
embeddings (.pkl, .npy) keep triangles and shares of their corners.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.pretrained.face_models.flame import read_embedding
from unigs.pretrained.face_models.model import FaceModel

LINE = re.compile(r"\s*(\d+)\s*=\s*(\d+)\s*(?:#.*)?")
"""A landmark and its vertex."""
ANNOTATED = 68
"""Landmarks of the annotation; 1 to 17 are the jaw's, 9 is the chin."""
FLAME_FIRST = 18
"""First landmark of FLAME's static embedding, which leaves out the jaw."""
SIDES = slice(0, 8), slice(9, 17)
"""Columns of a jaw's 17 landmarks on the person's right and left."""


@dataclass(frozen=True)
class Places:
    """Points on a model's surface."""

    corners: np.ndarray
    """Vertex numbers [N,3]."""
    shares: np.ndarray
    """Shares of the corners [N,3]; 1, 0, 0 for a vertex."""

    @classmethod
    def at(cls, vertices: np.ndarray) -> Places:
        """Places that are vertices [N]."""
        shares = np.tile([1.0, 0, 0], (len(vertices), 1))
        return cls(np.repeat(vertices[:, None], 3, 1), shares)

    @classmethod
    def inside(cls, triangles: np.ndarray, faces: np.ndarray, shares: np.ndarray) -> Places:
        """Places in triangles.

        Args:
            triangles: vertex numbers [F,3] of the model's triangles.
            faces: numbers of the triangles [N].
            shares: of their corners [N,3].

        Raises:
            ValueError: a triangle is not there.
        """
        if faces.size and not (0 <= faces.min() and faces.max() < len(triangles)):
            raise ValueError("it names triangles that the model does not have")
        return cls(triangles[faces], shares)


def read_landmarks(path: Path, model: FaceModel) -> tuple[np.ndarray, Places]:
    """Numbers [L] of landmarks, 1 to 68, and where the model has them.

    Raises:
        ValueError: the file holds none, or points out of the model.
    """
    if Path(path).suffix.lower() in (".pkl", ".npy"):
        faces, shares = read_embedding(path)
        if faces.shape != (ANNOTATED - FLAME_FIRST + 1,):
            raise ValueError(f"it places {faces.size} landmarks, a static embedding has 51")
        places = Places.inside(_triangles(model), faces, shares)
        return np.arange(FLAME_FIRST, ANNOTATED + 1), places
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = np.array([found.groups() for line in lines if (found := LINE.fullmatch(line))], int)
    if not len(pairs) or len(set(pairs[:, 0])) != len(pairs) or not _within(pairs[:, 0], 1, 68):
        raise ValueError("it does not map landmarks 1 to 68, each once, as lines `31 = 114`")
    return pairs[:, 0], _vertices(pairs[:, 1], model)


def read_contours(path: Path, model: FaceModel) -> tuple[Places, Places]:
    """The jaw on the person's right and on the left.

    Raises:
        ValueError: the file holds none, or points out of the model.
    """
    if Path(path).suffix.lower() in (".pkl", ".npy"):
        faces, shares = read_embedding(path)
        if faces.ndim != 2 or faces.shape[1] != 17:
            raise ValueError("it is no dynamic embedding, which has rows of 17 landmarks")
        # Row 0 is the jaw of a face that looks straight at the camera.
        right, left = (
            Places.inside(_triangles(model), faces[0, side], shares[0, side]) for side in SIDES
        )
        return right, left
    try:
        lists = json.loads(Path(path).read_text(encoding="utf-8"))["model_contour"]
        sides = [np.array(lists[f"{side}_contour"]) for side in ("right", "left")]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"it is no file of eos's contours ({error!r})") from None
    if any(side.dtype.kind != "i" or side.ndim != 1 for side in sides):
        raise ValueError("a contour is a list of vertex numbers")
    return _vertices(sides[0], model), _vertices(sides[1], model)


def placed(model: FaceModel, places: list[Places]) -> tuple[FaceModel, list[np.ndarray]]:
    """The model with a vertex at every place, and the vertex numbers of each set of places."""
    numbers = []
    for place in places:
        exact = place.shares[:, 0] == 1
        vertices = np.where(exact, place.corners[:, 0], 0)
        vertices[~exact] = len(model.mean) + np.arange(np.count_nonzero(~exact))
        model = model.with_points(place.corners[~exact], place.shares[~exact])
        numbers.append(vertices)
    return model, numbers


def _vertices(numbers: np.ndarray, model: FaceModel) -> Places:
    if not _within(numbers, 0, len(model.mean) - 1):
        raise ValueError(f"it names vertices that the model, which has {len(model.mean)}, lacks")
    return Places.at(numbers)


def _within(numbers: np.ndarray, smallest: int, largest: int) -> bool:
    return not numbers.size or bool(smallest <= numbers.min() and numbers.max() <= largest)


def _triangles(model: FaceModel) -> np.ndarray:
    if model.triangles is None:
        raise ValueError("the model has no triangles for it")
    return model.triangles
