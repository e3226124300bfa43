"""Basel Face Models: 2009 in a .mat file, 2017 and 2019 in an .h5 file.

2009 has orthonormal directions, and standard deviations in the place where others have variances.
Its expressions come from FaceWarehouse, as a file Exp_Pca.bin: an int32 (their number E), a mean
shift and E directions, float32, in the order of fewer vertices than the model has; a .mat file
(`trimIndex`, from 1 on) says which these are, and a text file holds their deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np

from unigs.pretrained.face_models.model import FaceModel
from unigs.stage.errors import UserError

HDF5 = b"\x89HDF"
"""First bytes of an .h5 file, and of a .mat file that MATLAB saved as version 7.3."""


def read_2009(path: Path) -> FaceModel:
    """The model of 2009, without expressions.

    Raises:
        ValueError: the file is damaged, or lacks an array of the model.
        UserError: the file is of version 7.3, and h5py is not installed.
    """
    found = read_mat(path, ("shapeMU", "shapePC", "shapeEV"))
    mean, basis = found["shapeMU"].reshape(-1), np.asarray(found["shapePC"])
    if mean.size % 3:
        raise ValueError(f"{mean.size} numbers for the vertices of a mean")
    none = np.zeros((mean.size, 0))
    return FaceModel(mean.reshape(-1, 3), basis, found["shapeEV"].reshape(-1), none, np.zeros(0))


def with_exp_pca(model: FaceModel, files: Sequence[Path]) -> FaceModel:
    """The model of 2009 with the expressions of Exp_Pca.bin, in the model's units.

    Args:
        model: the model.
        files: Exp_Pca.bin, and where they are given the deviations (.txt) and the numbers of the
            vertices (.mat).

    Raises:
        ValueError: a file is missing or does not fit the model.
    """
    by_kind = {Path(file).suffix.lower(): Path(file) for file in files}
    if (
        ".bin" not in by_kind
        or len(by_kind) != len(files)
        or set(by_kind) - {".bin", ".txt", ".mat"}
    ):
        raise ValueError("expressions of BFM 2009 are one .bin, and perhaps one .txt and one .mat")
    content = by_kind[".bin"].read_bytes()
    count = int(np.frombuffer(content[:4].ljust(4, b"\0"), "<i4")[0])
    numbers = np.frombuffer(content[4 : len(content) // 4 * 4], "<f4")
    if count < 1 or len(content) % 4 or len(numbers) % (3 * (count + 1)) or not len(numbers):
        raise ValueError(f"{by_kind['.bin'].name} is no Exp_Pca.bin, or cut off")
    parts = numbers.reshape(count + 1, -1)
    vertices = parts.shape[1] // 3
    place = np.arange(vertices)
    if ".mat" in by_kind:
        place = read_mat(by_kind[".mat"], ("trimIndex",))["trimIndex"].reshape(-1).astype(int) - 1
    whole = len(model.mean)
    if len(place) != vertices or not (0 <= place.min() and place.max() < whole):
        raise ValueError(f"trimIndex does not number the {vertices} vertices of the expressions")
    if ".mat" not in by_kind and vertices != whole:
        raise ValueError(
            f"expressions of {vertices} vertices for a model of {whole}: "
            "name the .mat file with trimIndex, too"
        )
    directions = np.zeros((whole, 3, count + 1), np.float32)
    directions[place] = np.moveaxis(parts.reshape(count + 1, vertices, 3), 0, 2)
    return replace(
        model,
        mean=model.mean + directions[..., 0],
        expression=directions[..., 1:].reshape(-1, count),
        expression_std=_deviations(by_kind.get(".txt"), count),
    )


def _deviations(path: Path | None, count: int) -> np.ndarray:
    """Deviations of `count` coefficients, NaN without a file."""
    if path is None:
        return np.full(count, np.nan)
    found = np.array(path.read_text(encoding="utf-8").split(), float)
    if found.shape != (count,):
        raise ValueError(f"{path.name} holds {len(found)} deviations for {count} expressions")
    return found


def read_2017(path: Path) -> FaceModel:
    """The model of 2017 or 2019.

    Raises:
        ValueError: the file is damaged, or lacks an array of the model.
        UserError: h5py is not installed.
    """
    with _opened(path) as file:
        try:
            shape, face = (
                [np.asarray(file[f"{part}/model/{n}"]) for n in ("mean", "pcaBasis", "pcaVariance")]
                for part in ("shape", "expression")
            )
            cells = np.asarray(file["shape/representer/cells"])
        except KeyError as error:
            raise ValueError(f"it lacks an array of BFM 2017 ({error.args[0]})") from None
    if shape[0].size % 3 or shape[0].shape != face[0].shape:
        raise ValueError("its means do not fit each other")
    mean = (shape[0] + face[0]).reshape(-1, 3)
    roots = [np.sqrt(np.maximum(part[2], 0)).reshape(-1) for part in (shape, face)]
    return FaceModel(mean, shape[1], roots[0], face[1], roots[1], cells.reshape(3, -1).T)


def read_mat(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of a .mat file of any version, by name.

    Raises:
        ValueError: the file is damaged, or lacks one.
        UserError: the file is of version 7.3, and h5py is not installed.
    """
    # MATLAB puts 512 bytes of its own before HDF5's.
    with open(path, "rb") as file:
        head = file.read(516)
    if HDF5 in (head[:4], head[512:]):
        with _opened(path) as file:
            # MATLAB's first axis is HDF5's last.
            found = {name: np.asarray(file[name]).T for name in names if name in file}
    else:
        from scipy.io import loadmat

        try:
            found = loadmat(path, variable_names=list(names))
        # What SciPy stumbles over in a damaged file is of many kinds.
        except Exception as error:
            raise ValueError(f"no .mat file, or a damaged one ({error})") from None
    lacking = [name for name in names if name not in found]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    arrays = {name: np.asarray(found[name]) for name in names}
    if any(array.dtype.kind not in "fiu" for array in arrays.values()):
        raise ValueError(f"{', '.join(names)} are not all arrays of numbers")
    return arrays


def _opened(path: Path) -> object:
    """An HDF5 file, to be read.

    Raises:
        ValueError: it is none, or cut off.
        UserError: h5py is not installed.
    """
    try:
        return _h5py().File(path, "r")
    except OSError as error:
        raise ValueError(f"no HDF5 file, or a damaged one ({error})") from None


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError:
        raise UserError(
            "this face model is an HDF5 file, which needs h5py: pip install 'unigs[models]'."
        ) from None
    return h5py
