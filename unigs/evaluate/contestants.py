"""The contestants: what a portrait has to beat, as streams of test frames.

Pictures of the training part, and the portrait itself without motion; all are judged by the same
code on the same frames.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from unigs.evaluate.records import MEAN, NEAREST
from unigs.evaluate.split import Split
from unigs.evaluate.streams import pick
from unigs.media.video import read_video
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.stage.disk import mapped
from unigs.subject.performance import Performance
from unigs.subject.trajectory import RigidTrajectory


def static_stream(
    path: Path, device: str, performance: Performance, split: Split
) -> Iterator[np.ndarray]:
    """The static portrait under the test frames' poses: what motion has to beat.

    Args:
        path: the static portrait (.safetensors).
        device: "cpu" or "cuda".
        performance: head and torso in all frames of the clip.
        split: the clip's test frames.

    Returns:
        frames uint8 [H,W,3], one for each test frame.
    """
    return Playback(load_portrait(path, device)).clip(performance[split.test])


def picture_streams(
    video: Path, split: Split, nearest: np.ndarray, store: Path
) -> dict[str, Iterator[np.ndarray]]:
    """The nearest training frame by pose, and the mean training frame.

    Args:
        video: the clip.
        split: its test and training frames.
        nearest: number of the nearest training frame for each test frame, int [n].
        store: scratch file for these frames.

    Returns:
        method -> frames uint8 [H,W,3], one for each test frame.
    """
    mean, kept, rows = training_pictures(video, split, nearest, store)
    return {
        NEAREST: (kept[rows[int(frame)]] for frame in nearest),
        MEAN: (mean for _ in split.test),
    }


def pose_features(head: RigidTrajectory) -> np.ndarray:
    """Rotation vectors relative to the mean rotation, and translations.

    Args:
        head: poses of T frames.

    Returns:
        float [T,6], radians and meters.
    """
    turns = Rotation.from_matrix(head.R)
    return np.hstack([(turns.mean().inv() * turns).as_rotvec(), head.t])


def nearest_by_pose(head: RigidTrajectory, split: Split) -> np.ndarray:
    """For every test frame the training frame of the most similar head pose.

    Features are z-scored over the training frames, so that degrees and centimeters count by how
    much they vary in this clip.

    Args:
        head: head poses of all frames of the clip.
        split: its test and training frames.

    Returns:
        int [n]: frame numbers.
    """
    features = pose_features(head)
    mean, spread = features[split.train].mean(axis=0), features[split.train].std(axis=0)
    scaled = (features - mean) / np.maximum(spread, 1e-9)
    return split.train[cKDTree(scaled[split.train]).query(scaled[split.test])[1]]


def training_pictures(
    video: Path, split: Split, nearest: np.ndarray, store: Path
) -> tuple[np.ndarray, np.ndarray, dict[int, int]]:
    """One pass over the clip: the mean training frame, and the frames that `nearest` names.

    Args:
        video: the clip.
        split: its test and training frames.
        nearest: frame numbers of training frames.
        store: a scratch file; the frames stay on disk, so that long clips fit in memory.

    Returns:
        mean uint8 [H,W,3]; memory-mapped frames uint8 [u,H,W,3]; frame number -> row of these.
    """
    rows = {int(frame): row for row, frame in enumerate(np.unique(nearest))}
    total, kept = None, None
    pictures = pick(read_video(video), split.train, video)
    for frame, image in zip(split.train.tolist(), pictures, strict=True):
        if total is None:
            total = np.zeros(image.shape, np.float64)
            with open(store, "w+b") as file:
                kept = mapped(file, (len(rows), *image.shape), store.parent, video)
        total += image
        if frame in rows:
            kept[rows[frame]] = image
    mean = np.rint(total / len(split.train)).astype(np.uint8)
    return mean, kept, rows
