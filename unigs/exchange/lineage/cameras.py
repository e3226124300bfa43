"""transforms_train.json and transforms_val.json: poses, focal length and split."""

from __future__ import annotations

import json
import reprlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.exchange.lineage.layout import (
    TRAIN_FILE,
    VAL_FILE,
    from_camera_to_world,
    to_camera_to_world,
)
from unigs.stage.errors import UserError
from unigs.stage.files import write_text

FAR = 3.0
"""Distance from camera to head beyond which it is in decimeters, the unit of the Basel face model
(GaussianTalker), and not in meters: a face that fills a picture is filmed from .4 to 1.5 m."""
LARGEST = 1e9
"""Number that no focal length in pixels and no number of a picture reaches."""
ORTHONORMAL = 1e-3
"""Largest entry of R R^T - 1 in a rotation that went through a text file."""


@dataclass(frozen=True)
class Cameras:
    """The frames that the two files list, by number of their picture, n in all."""

    pictures: np.ndarray
    """Numbers of the pictures (`img_id`), ascending, int [n]."""
    rows: np.ndarray
    """Rows of the audio features (`aud_id`), int [n]."""
    test: np.ndarray
    """Frames that are held out (`transforms_val.json`), bool [n]."""
    R: np.ndarray
    """Rotations [n,3,3] of x_cam = R x + t, OpenCV axes, float64."""
    t: np.ndarray
    """Translations [n,3], meters, float64."""
    focal: float
    """Focal length, pixels."""
    center: tuple[float, float]
    """Principal point (`cx`, `cy`), pixels."""
    unit: float
    """Meters that one unit of the files is worth: 1 or .1."""

    @property
    def count(self) -> int:
        """Number of the last picture, plus one."""
        return int(self.pictures[-1]) + 1


def read_cameras(folder: Path) -> Cameras:
    """Read both files of a folder.

    Raises:
        UserError: one is missing or damaged, lacks focal length or principal point, lists a frame
            twice, or holds a matrix that is no pose of a camera before a face.
    """
    parts = [_read(folder / name) for name in (TRAIN_FILE, VAL_FILE)]
    seen = {part.focal for part in parts}, {part.center for part in parts}
    if max(map(len, seen)) > 1:
        raise UserError(
            f"{folder / TRAIN_FILE} and {folder / VAL_FILE} give different focal lengths or "
            "principal points: both are of one camera; make them anew."
        )
    pictures = np.concatenate([part.pictures for part in parts])
    values, counts = np.unique(pictures, return_counts=True)
    if (counts > 1).any():
        raise UserError(
            f"{folder}: img_id {values[counts > 1][0]} stands twice in {TRAIN_FILE} and "
            f"{VAL_FILE}: a frame is of the training or of the test; make both anew."
        )
    order = np.argsort(pictures)
    matrices = np.concatenate([part.matrices for part in parts])[order]
    R, t = from_camera_to_world(matrices)
    if (t[:, 2] <= 0).any():
        row = int((t[:, 2] <= 0).argmax())
        raise UserError(
            f"{folder}: in the pose of img_id {pictures[order][row]} the head lies behind the "
            "camera: transform_matrix goes from the camera to the head, in OpenGL's axes."
        )
    unit = 0.1 if np.median(np.linalg.norm(t, axis=1)) > FAR else 1.0
    test = np.repeat([False, True], [len(part.pictures) for part in parts])[order]
    rows = np.concatenate([part.rows for part in parts])[order]
    (focal,), (center,) = seen
    return Cameras(pictures[order], rows, test, R, unit * t, focal, center, unit)


@dataclass(frozen=True)
class _File:
    """What one of the files holds: see `Cameras`; matrices [n,4,4] as they stand."""

    pictures: np.ndarray
    rows: np.ndarray
    matrices: np.ndarray
    focal: float
    center: tuple[float, float]


def _read(path: Path) -> _File:
    content = _json(path)
    focal = _number(path, content, ("focal_len", "fl_x"))
    if "focal_len" not in content and content.get("fl_y", focal) != focal:
        raise UserError(f"{path}: fl_x and fl_y differ: pixels must be square; scale the pictures.")
    center = _number(path, content, ("cx",)), _number(path, content, ("cy",))
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames:
        raise UserError(f"{path} lists no frames: make it anew.")
    pictures = np.array([_whole(path, k, frame, "img_id") for k, frame in enumerate(frames)])
    rows = [
        _whole(path, k, frame, "aud_id" if "aud_id" in frame else "img_id")
        for k, frame in enumerate(frames)
    ]
    matrices = np.stack([_matrix(path, k, frame) for k, frame in enumerate(frames)])
    return _File(pictures, np.array(rows), matrices, focal, center)


def _json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist: a folder of AD-NeRF's layout has {TRAIN_FILE} and {VAL_FILE}; "
            "run the last task of its process.py."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}): make it anew.") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is no JSON object: make it anew.")
    return content


def _number(path: Path, content: dict, names: tuple[str, ...]) -> float:
    """The first of the numbers of these names.

    Raises:
        UserError: there is none, or it is not larger than 0.
    """
    value = next((content[name] for name in names if name in content), None)
    if value is None:
        raise UserError(
            f"{path} has no {' or '.join(names)}: focal_len, cx and cy say in pixels how the "
            "pictures were taken (cx and cy are half of width and height); write it into the file."
        )
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LARGEST:
        shown = reprlib.repr(value)
        raise UserError(
            f"{path}: {names[0]} is {shown}: give a number of pixels above 0 and below {LARGEST:g}."
        )
    return float(value)


def _whole(path: Path, number: int, frame: object, name: str) -> int:
    value = frame.get(name) if isinstance(frame, dict) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST:
        raise UserError(
            f"{path}: frame {number} of the list has no whole number {name} from 0 and below "
            f"{LARGEST:g}: make it anew."
        )
    return value


def _matrix(path: Path, number: int, frame: dict) -> np.ndarray:
    try:
        matrix = np.array(frame["transform_matrix"], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    fits = matrix.shape == (4, 4) and np.isfinite(matrix).all()
    if fits:
        R = matrix[:3, :3]
        fits = np.abs(R @ R.T - np.eye(3)).max() < ORTHONORMAL and np.linalg.det(R) > 0
        fits &= np.array_equal(matrix[3], [0, 0, 0, 1])
    if not fits:
        raise UserError(
            f"{path}: transform_matrix of img_id {frame['img_id']} is no rotation and translation "
            "of four rows of four numbers: make it anew."
        )
    return matrix


def write_cameras(folder: Path, cameras: Cameras) -> None:
    """Write both files, in meters.

    Args:
        folder: where to.
        cameras: the frames; `unit` does not count.
    """
    matrices = to_camera_to_world(cameras.R.astype(np.float64), cameras.t.astype(np.float64))
    for name, chosen in ((TRAIN_FILE, ~cameras.test), (VAL_FILE, cameras.test)):
        frames = [
            {
                "img_id": int(cameras.pictures[k]),
                "aud_id": int(cameras.rows[k]),
                "transform_matrix": matrices[k].tolist(),
            }
            for k in np.flatnonzero(chosen)
        ]
        cx, cy = cameras.center
        content = {"focal_len": cameras.focal, "cx": cx, "cy": cy, "frames": frames}
        write_text(folder / name, json.dumps(content, indent=1) + "\n")
