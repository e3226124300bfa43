"""The contestants: streams of test frames, all judged by the same code on the same frames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.evaluate.contestants import training_pictures
from unigs.evaluate.inputs import FrameTable
from unigs.model.storage import load_portrait
from unigs.stage.files import load_npz

PORTRAIT, SHUFFLED, STATIC = "portrait", "shuffled", "static"
NEAREST, MEAN = "nearest_pose", "mean_frame"


def static_stream(
    path: Path,
    device: str,
    poses: dict[str, np.ndarray],
    body: Path | None,
    table: FrameTable,
) -> Iterator[np.ndarray]:
    """The static portrait under the test frames' poses: what motion has to beat."""
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
        table: the frame table.
        nearest: number of the nearest training frame for each test frame.
        store: scratch file for these frames.
    """
    mean, kept, rows = training_pictures(video, table, nearest, store)
    return {
        NEAREST: (kept[rows[int(frame)]] for frame in nearest),
        MEAN: (mean for _ in table.test),
    }
