"""Names, colors and axes of the layout, as the systems that read it expect them.

A folder holds `transforms_train.json` and `transforms_val.json` with the poses of numbered pictures
(`ori_imgs/0.jpg`, ...), and beside them one row or file for each picture: `parsing`, `au.csv`,
`aud_ds.npy`, `track_params.pt`. Picture k, row k and `img_id` k are one frame. Formats differ a
little between the systems; what is said here is what their loaders read.
"""

from __future__ import annotations

import numpy as np

TRAIN_FILE, VAL_FILE = "transforms_train.json", "transforms_val.json"
TRUE_PICTURES, ON_PLATE = "ori_imgs", "gt_imgs"
"""Folders of pictures as filmed, and with the background replaced by the plate: what the systems
since RAD-NeRF train on and are judged by."""
PARSING, TORSO, TEETH = "parsing", "torso_imgs", "teeth_mask"
PLATE = "bc.jpg"
SOUND = "aud.wav"
UNITS = "au.csv"
TRACK = "track_params.pt"
BUNDLE = "bundle_adjustment.pt"
"""What SyncTalk refines the poses of `track_params.pt` to."""
OWN = "unigs"
"""Folder in which an export keeps what only this pipeline reads. Nothing of it ends in .json in the
data set's own folder, of which ER-NeRF reads every .json file."""
OWN_FEATURES, OWN_RECORD = f"{OWN}/features.npz", f"{OWN}/export.json"

FPS = 25.0
"""Frames per second, fixed in every system of the lineage."""
FEATURES = {
    "aud_ds.npy": ("DeepSpeech", (16, 29)),
    "aud_eo.npy": ("wav2vec2 (Esperanto)", (16, 44)),
    "aud_hu.npy": ("HuBERT", (2, 1024)),
    "aud_ave.npy": ("AVE", (1, 512)),
}
"""File of audio features -> what made them, and the columns and numbers of one frame's window."""
ANY_FEATURES = "aud.npy"
"""Features under the name that the extractors give them; the loaders want one of `FEATURES`."""
ROW_RATE = {16: 50.0, 2: 50.0, 1: FPS}
"""Columns of a window -> columns per second."""

BACKGROUND_COLOR = (255, 255, 255)
HEAD_COLOR, NECK_COLOR, CLOTH_COLOR = (0, 0, 255), (0, 255, 0), (255, 0, 0)
MOUTH_COLOR, HAIR_COLOR = (100, 100, 100), (0, 0, 0)
"""RGB of the regions in `parsing`. Mouth and hair have colors of their own since TalkingGaussian;
before, they are head."""

FLIP = np.diag([1.0, -1.0, -1.0])
"""From OpenGL's axes (right, up, backward) to OpenCV's (right, down, forward), and back: of the
camera, and of the head, which looks along +z there and along -z here."""


def from_camera_to_world(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses of the pipeline from the lineage's matrices.

    Args:
        matrices: `transform_matrix` [n,4,4], from the camera to the head, OpenGL axes.

    Returns:
        R [n,3,3] and t [n,3] of x_cam = R x + t in OpenCV axes, in the unit of the matrices.
    """
    turned = np.swapaxes(matrices[:, :3, :3], 1, 2)
    shift = -(turned @ matrices[:, :3, 3:])[..., 0]
    return FLIP @ turned @ FLIP, shift @ FLIP


def to_camera_to_world(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The lineage's matrices [n,4,4] of poses of the pipeline; the inverse of the function above.

    Args:
        R: rotations [n,3,3].
        t: translations [n,3].
    """
    turned, shift = FLIP @ R @ FLIP, t @ FLIP
    matrices = np.tile(np.eye(4), (len(R), 1, 1))
    matrices[:, :3, :3] = np.swapaxes(turned, 1, 2)
    matrices[:, :3, 3] = -(matrices[:, :3, :3] @ shift[..., None])[..., 0]
    return matrices


def euler_angles(R: np.ndarray) -> np.ndarray:
    """Angles [n,3] in radians of which `track_params.pt` makes the rotation Rx Ry Rz.

    Args:
        R: rotations [n,3,3] of the pipeline's poses.
    """
    turned = FLIP @ R @ FLIP
    x = np.arctan2(turned[:, 1, 2], turned[:, 2, 2])
    y = np.arcsin(np.clip(-turned[:, 0, 2], -1, 1))
    z = np.arctan2(-turned[:, 0, 1], turned[:, 0, 0])
    return np.stack([x, y, z], 1)
