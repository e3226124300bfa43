"""The contestants: what a portrait has to beat, as streams of test frames.

Pictures of the training part, and the portrait itself without motion; all are judged by the same
code on the same frames.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from unigs.evaluate.inputs import FrameTable, pick
from unigs.evaluate.records import MEAN, NEAREST
from unigs.media.video import read_video
from unigs.model.storage import load_portrait
from unigs.stage.files import load_npz


def static_stream(
    path: Path,
    device: str,
    poses: dict[str, np.ndarray],
    body: Path | None,
    table: FrameTable,
) -> Iterator[np.ndarray]:
    """The static portrait under the test frames' poses: what motion has to beat.

    Args:
        path: the static portrait (.safetensors).
        device: "cpu" or "cuda".
        poses: head poses of all frames of the clip: R [T,3,3], t [T,3] in meters.
        body: motion of the torso (.npz); None for a portrait without it.
        table: the clip's frame table.

    Returns:
        frames uint8 [H,W,3], one for each test frame.
    """
    model = load_portrait(path, device)
    track = None
    if body:
        torso = load_npz(body, "R", "t", "outline")
        track = tuple(torso[name][table.test] for name in ("R", "t", "outline"))
    return model.play_clip(poses["R"][table.test], poses["t"][table.test], body=track)


def picture_streams(
    video: Path, table: FrameTable, nearest: np.ndarray, store: Path
) -> dict[str, Iterator[np.ndarray]]:
    """The nearest training frame by pose, and the mean training frame.

    Args:
        video: the clip.
        table: its frame table.
        nearest: number of the nearest training frame for each test frame, int [n].
        store: scratch file for these frames.

    Returns:
        method -> frames uint8 [H,W,3], one for each test frame.
    """
    mean, kept, rows = training_pictures(video, table, nearest, store)
    return {
        NEAREST: (kept[rows[int(frame)]] for frame in nearest),
        MEAN: (mean for _ in table.test),
    }


def pose_features(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Rotation vectors relative to the mean rotation, and translations.

    Args:
        rotation: head rotations, [T,3,3].
        translation: head positions, meters, [T,3].

    Returns:
        float [T,6], radians and meters.
    """
    turns = Rotation.from_matrix(rotation)
    return np.hstack([(turns.mean().inv() * turns).as_rotvec(), translation])


def nearest_by_pose(rotation: np.ndarray, translation: np.ndarray, table: FrameTable) -> np.ndarray:
    """For every test frame the training frame of the most similar head pose.

    Features are z-scored over the training frames, so that degrees and centimeters count by how
    much they vary in this clip.

    Args:
        rotation: head rotations of all frames of the clip, [T,3,3].
        translation: head positions, meters, [T,3].
        table: the clip's frame table.

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
    pictures = pick(read_video(video), table.train, video)
    for frame, image in zip(table.train.tolist(), pictures, strict=True):
        if total is None:
            total = np.zeros(image.shape, np.float64)
            kept = np.memmap(store, np.uint8, "w+", shape=(len(rows), *image.shape))
        total += image
        if frame in rows:
            kept[rows[frame]] = image
    mean = np.rint(total / len(table.train)).astype(np.uint8)
    return mean, kept, rows
