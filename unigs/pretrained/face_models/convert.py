"""From the files that a face model's makers publish to the one that fit_pose reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unigs.pretrained.face_models import basel, eos, flame
from unigs.pretrained.face_models.model import FaceModel, write_model
from unigs.pretrained.face_models.places import Places, placed, read_contours, read_landmarks
from unigs.stage.errors import UserError

READERS: dict[str, Callable[[Path], FaceModel]] = {
    ".bin": eos.read_eos,
    ".mat": basel.read_2009,
    ".h5": basel.read_2017,
    ".pkl": flame.read_flame,
    ".npz": flame.read_flame,
}
"""Ending of a model's file -> its reader."""
WHAT = {
    ".bin": "a face model of eos",
    ".mat": "the Basel Face Model 2009",
    ".h5": "a Basel Face Model of 2017 or 2019",
    ".pkl": "FLAME",
    ".npz": "FLAME",
}
"""What a file of an ending should be."""


def convert_face_model(
    model: Path, out: Path, landmarks: Path, contours: Path | None = None,
    expressions: Sequence[Path] = (),
) -> FaceModel:  # fmt: skip
    """Convert a morphable model.

    Args:
        model: file of the model: .bin of eos (Surrey), .mat of BFM 2009, .h5 of BFM 2017 or 2019,
            .pkl or .npz of FLAME.
        out: file to write (.npz).
        landmarks: where the model has landmarks: a text file of eos, or FLAME's static embedding.
        contours: where the model has its jaw: a .json file of eos, or FLAME's dynamic embedding.
        expressions: for a model whose file has none: blendshapes (.bin) of eos; for BFM 2009
            Exp_Pca.bin, perhaps with its deviations (.txt) and vertex numbers (.mat).

    Returns:
        The model as it was written, meters.

    Raises:
        UserError: a file is missing, damaged, or does not fit the others.
    """
    kind = Path(model).suffix.lower()
    if kind not in READERS:
        raise UserError(
            f"{model} ends in no kind of face model that is known: give {', '.join(READERS)}."
        )
    if Path(out).suffix != ".npz":
        raise UserError(f"{out} does not end in .npz: choose such a name for the converted model.")
    found = _tried(model, WHAT[kind], READERS[kind], model)
    if expressions:
        for file in expressions:
            _there(file)
        named = " ".join(map(str, expressions))
        found = _tried(named, "expressions of this model", _with_expressions, found, kind,
                       expressions, there=False)  # fmt: skip
    found = _tried(model, WHAT[kind], found.checked, there=False)
    ibug, places = _tried(landmarks, "places of landmarks for this model", read_landmarks,
                          landmarks, found)  # fmt: skip
    sides = (Places.at(np.zeros(0, int)), Places.at(np.zeros(0, int)))
    if contours is not None:
        what = "contours for this model"
        sides = _tried(contours, what, read_contours, contours, found)
    found, (vertices, right, left) = placed(found, [places, *sides])
    write_model(out, found, ibug, vertices, right, left)
    return found


def _with_expressions(model: FaceModel, kind: str, files: Sequence[Path]) -> FaceModel:
    """A model with the expressions of other files.

    Raises:
        ValueError: they do not fit the model.
    """
    if model.expression.shape[1]:
        raise ValueError("the model has expressions of its own")
    if kind == ".mat":
        return basel.with_exp_pca(model, files)
    if kind != ".bin" or len(files) != 1:
        raise ValueError("one file of blendshapes goes with a model of eos")
    shapes = eos.read_blendshapes(files[0])
    if len(shapes) != model.mean.size:
        raise ValueError(f"blendshapes of {len(shapes) / 3:g} vertices for {len(model.mean)}")
    return replace(model, expression=shapes, expression_std=np.full(shapes.shape[1], np.nan))


def _there(path: Path) -> None:
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist: check the path.")


def _tried(path: Path | str, what: str, read: Callable, *given: Any, there: bool = True) -> Any:
    """What a reader gives.

    Raises:
        UserError: the file is missing, or the reader refuses it.
    """
    if there:
        _there(Path(path))
    try:
        return read(*given)
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path} cannot be read as {what}: {error}. Get the file anew, or name another."
        ) from None
