"""track_params.pt: compared with the poses, read without ever running code from it."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from unigs.exchange.lineage.cameras import Cameras
from unigs.exchange.lineage.layout import BUNDLE, TRACK, euler_angles
from unigs.pretrained.weights import read_weights
from unigs.stage.errors import UserError
from unigs.stage.files import atomic

log = logging.getLogger("unigs")

LARGEST = 1 << 29
"""Bytes beyond which the file is not read: GaussianTalker keeps the mesh of every frame in it."""
AGREE = 2e-3
"""Largest relative difference of two distances that are one: files round to 32 bits."""
FACE_MODEL_UNIT = 0.1
"""Meters of one unit of the Basel face model, in which the file stands."""


def check_track(folder: Path, cameras: Cameras, pictures: int) -> str:
    """Compare the file with the poses, if it is there.

    Args:
        folder: folder of the layout.
        cameras: the poses.
        pictures: number of pictures.

    Returns:
        What was found, in words.

    Raises:
        UserError: it cannot be read, or its rows are not those of the poses.
    """
    path = folder / TRACK
    if not path.is_file():
        return "not there"
    if (folder / BUNDLE).is_file():
        return f"not compared: {BUNDLE} has refined the poses"
    if path.stat().st_size > LARGEST:
        return "not compared: too large"
    trans = read_weights(path).get("trans")
    if trans is None or trans.ndim != 2 or trans.shape[1] != 3:
        raise UserError(
            f"{path} holds no trans of three numbers a frame: it is no file of the lineage's face "
            "tracker; make it anew, or take it away."
        )
    if len(trans) != pictures:
        raise UserError(
            f"{path} has {len(trans)} rows for {pictures} pictures: a frame without a face has "
            "shifted the rows behind it; make the folder anew without that frame."
        )
    far = np.linalg.norm(trans.double().numpy(), axis=1)[cameras.pictures]
    ratio = far / np.linalg.norm(cameras.t, axis=1)
    off = np.abs(ratio / np.median(ratio) - 1) > AGREE
    if off.any():
        raise UserError(
            f"{path} and the transform_matrix of img_id {cameras.pictures[off][0]} give different "
            "distances of the head: their rows are shifted against each other; make both anew, or "
            f"take {TRACK} away if the poses were refined since."
        )
    return "agrees with the poses"


def write_track(path: Path, R: np.ndarray, t: np.ndarray, focal: float, mesh: np.ndarray) -> None:
    """Write the file for systems that read it (GaussianTalker): tensors and nothing else.

    Identity and expression are zero, as no Basel face model is fitted.

    Args:
        path: the file.
        R: rotations [T,3,3] of the pipeline's poses.
        t: translations [T,3], meters.
        focal: focal length, pixels.
        mesh: the person's face mesh [V,3] in the head's frame, meters.
    """
    # Not for those who only take in.
    import torch

    flip = np.array([1.0, -1.0, -1.0]) / FACE_MODEL_UNIT
    content = {
        "id": np.zeros((1, 100)),
        "exp": np.zeros((len(t), 79)),
        "euler": euler_angles(R.astype(np.float64)),
        "trans": t.astype(np.float64) * flip,
        "focal": np.array([focal]),
        "vertices": (mesh.astype(np.float64) * flip)[None],
    }
    tensors = {name: torch.from_numpy(values).float() for name, values in content.items()}
    with atomic(path) as temporary:
        torch.save(tensors, temporary)
