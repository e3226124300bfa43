"""What the evaluation reads, with the one check that matters: row k is frame k in every file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from unigs.media.video import read_video
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz
from unigs.subject.dataset import read_action_units


@dataclass(frozen=True)
class FrameTable:
    """The frame table of a clip, read for evaluation."""

    test: np.ndarray
    """Indices of the kept test frames, ascending, int [n]."""
    train: np.ndarray
    """Indices of the kept training frames, ascending, int [m]."""
    time: np.ndarray
    """Seconds of every frame, float [T]."""
    follows: np.ndarray
    """bool [n]: test frame i continues test frame i-1 (no removed frame, no cut between them)."""

    @property
    def fps(self) -> float:
        """Frames per second, from the table's times."""
        return float((len(self.time) - 1) / (self.time[-1] - self.time[0]))

    def __len__(self) -> int:
        """Number of frames of the clip."""
        return len(self.time)


def read_frame_table(path: Path, pose: Path) -> FrameTable:
    """Read `frames.csv` (frame, time, keep, reason, split); frames without a pose do not count.

    Raises:
        UserError: the file is missing or damaged, or leaves no test or no training frame.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False, dtype={"reason": str, "split": str})
        frame, time = table["frame"].to_numpy(), table["time"].to_numpy(dtype=float)
        keep, split = table["keep"].to_numpy() == 1, table["split"].to_numpy()
        cut = table["reason"].str.split("+").map(lambda words: "jump_cut" in words).to_numpy(bool)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a frame table ({error}): run screen_clip anew.") from None
    if not np.array_equal(frame, np.arange(len(frame))):
        raise UserError(f"{path} skips or repeats frame numbers: run screen_clip anew.")
    posed = np.isfinite(load_npz(pose, "t")["t"]).all(axis=1)
    if len(posed) != len(keep):
        raise UserError(
            f"{pose} has {len(posed)} rows but {path} has {len(keep)} frames: run fit_pose anew."
        )
    keep &= posed
    test, train = np.flatnonzero(keep & (split == "test")), np.flatnonzero(keep & (split != "test"))
    for name, rows in (("test", test), ("training", train)):
        if not len(rows):
            raise UserError(f"{path} keeps no {name} frame: screen less strictly or film longer.")
    follows = np.r_[False, np.diff(test) == 1] & ~cut[test]
    return FrameTable(test, train, time, follows)


def check_lengths(table: FrameTable, table_path: Path, lengths: dict[Path, int]) -> None:
    """Refuse files whose rows are not the clip's frames.

    Raises:
        UserError: naming both files and both numbers.
    """
    for path, length in lengths.items():
        if length != len(table):
            raise UserError(
                f"{path} has {length} rows but {table_path} has {len(table)} frames: "
                "run the stage that makes it anew."
            )


@dataclass(frozen=True)
class Drivers:
    """What drives a portrait, for every frame of the clip."""

    rotation: np.ndarray
    """R of x_cam = R x + t, float32 [T,3,3]."""
    translation: np.ndarray
    """t in metres, float32 [T,3]."""
    speech: np.ndarray
    """Windows of speech features, float32 [T,W,D]."""
    eyes: np.ndarray
    """Action units, float32 [T,6]."""
    body_rotation: np.ndarray
    """R of the torso's own frame, float32 [T,3,3]."""
    body_translation: np.ndarray
    """Its t in metres, float32 [T,3]."""
    body_outline: np.ndarray
    """Where its arms stand, metres, float32 [T,2]."""


def read_drivers(
    pose: Path, body: Path, speech: Path, eyes: Path, table: FrameTable, table_path: Path
) -> Drivers:
    """Read poses, speech and eyes, and check that they have one row per frame of the clip."""
    poses, bodies = load_npz(pose, "R", "t"), load_npz(body, "R", "t", "outline")
    windows = load_npz(speech, "features")["features"]
    units = read_action_units(eyes)
    lengths = {pose: poses["R"], body: bodies["R"], speech: windows, eyes: units}
    check_lengths(table, table_path, {path: len(rows) for path, rows in lengths.items()})
    return Drivers(
        poses["R"].astype(np.float32),
        poses["t"].astype(np.float32),
        windows.astype(np.float32),
        units,
        bodies["R"].astype(np.float32),
        bodies["t"].astype(np.float32),
        bodies["outline"].astype(np.float32),
    )


def pick(stream: Iterator[np.ndarray], rows: np.ndarray, path: Path) -> Iterator[np.ndarray]:
    """The frames `rows` (ascending) of a stream, one by one.

    Raises:
        UserError: the stream ends before the last row.
    """
    wanted = iter(rows.tolist())
    row = next(wanted, None)
    for index, frame in enumerate(stream):
        if row is None:
            return
        if index == row:
            yield frame
            row = next(wanted, None)
    if row is not None:
        raise UserError(f"{path} ends before frame {row}: make it anew.")


def read_aligned(path: Path, count: int) -> Iterator[np.ndarray]:
    """Frames of a render that must have exactly `count` frames.

    Raises:
        UserError: it has another number of frames.
    """
    seen = 0
    for frame in read_video(path):
        seen += 1
        if seen > count:
            break
        yield frame
    if seen != count:
        what = "more than" if seen > count else f"{seen} frames instead of"
        raise UserError(f"{path} has {what} {count} test frames: run render_test anew.")
