"""The contestants: streams of test frames, all judged by the same code on the same frames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.evaluate.baselines import nearest_by_pose, training_pictures
from unigs.evaluate.inputs import FrameTable, read_aligned
from unigs.model.storage import load_portrait

PORTRAIT, SHUFFLED, STATIC = "portrait", "shuffled", "static"
NEAREST, MEAN = "nearest_pose", "mean_frame"


def portrait_streams(
    render: Path, shuffled: Path, table: FrameTable
) -> dict[str, Iterator[np.ndarray]]:
    """The two renders of render_test."""
    count = len(table.test)
    return {PORTRAIT: read_aligned(render, count), SHUFFLED: read_aligned(shuffled, count)}


def static_stream(
    path: Path, device: str, rotation: np.ndarray, translation: np.ndarray, table: FrameTable
) -> Iterator[np.ndarray]:
    """The static portrait under the test frames' poses: what motion has to beat."""
    model = load_portrait(path, device)
    for row in table.test:
        yield model.play(rotation[row], translation[row], None, None)


def picture_streams(
    video: Path, rotation: np.ndarray, translation: np.ndarray, table: FrameTable, store: Path
) -> dict[str, Iterator[np.ndarray]]:
    """The nearest training frame by pose, and the mean training frame.

    Args:
        video: the clip.
        rotation: [T,3,3].
        translation: [T,3], metres.
        table: the frame table.
        store: scratch file for the nearest frames.
    """
    nearest = nearest_by_pose(rotation, translation, table)
    mean, kept, rows = training_pictures(video, table, nearest, store)
    return {
        NEAREST: (kept[rows[int(frame)]] for frame in nearest),
        MEAN: (mean for _ in table.test),
    }
