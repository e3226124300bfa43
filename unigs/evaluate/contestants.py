"""What a portrait has to beat: pictures of the training part, and itself without motion."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from unigs.evaluate.inputs import FrameTable, pick
from unigs.media.video import read_video


def pose_features(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Rotation vectors relative to the mean rotation (rad) and translations (m), [T,6]."""
    turns = Rotation.from_matrix(rotation)
    return np.hstack([(turns.mean().inv() * turns).as_rotvec(), translation])


def nearest_by_pose(rotation: np.ndarray, translation: np.ndarray, table: FrameTable) -> np.ndarray:
    """For every test frame the training frame of the most similar head pose.

    Features are z-scored over the training frames, so that degrees and centimetres count by how
    much they vary in this clip.

    Returns:
        int [n]: frame numbers.
    """
    features = pose_features(rotation, translation)
    mean, spread = features[table.train].mean(axis=0), features[table.train].std(axis=0)
    scaled = (features - mean) / np.maximum(spread, 1e-9)
    return table.train[cKDTree(scaled[table.train]).query(scaled[table.test])[1]]


def training_pictures(
    video: Path, table: FrameTable, nearest: np.ndarray, store: Path
) -> tuple[np.ndarray, np.ndarray, dict[int, int]]:
    """One pass over the clip: the mean training frame, and the frames that `nearest` names.

    Args:
        video: the clip.
        table: its frame table.
        nearest: frame numbers of training frames.
        store: a scratch file; the frames stay on disk, so that long clips fit in memory.

    Returns:
        mean uint8 [H,W,3]; memory-mapped frames uint8 [u,H,W,3]; frame number -> row of these.
    """
    rows = {int(frame): row for row, frame in enumerate(np.unique(nearest))}
    total, kept = None, None
    for frame, image in zip(table.train.tolist(), _training(video, table), strict=True):
        if total is None:
            total = np.zeros(image.shape, np.float64)
            kept = np.memmap(store, np.uint8, "w+", shape=(len(rows), *image.shape))
        total += image
        if frame in rows:
            kept[rows[frame]] = image
    mean = np.rint(total / len(table.train)).astype(np.uint8)
    return mean, kept, rows


def _training(video: Path, table: FrameTable) -> Iterator[np.ndarray]:
    return pick(read_video(video), table.train, video)
