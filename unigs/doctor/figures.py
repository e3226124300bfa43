"""The figures of a subject's clip and of one of its portraits, read off the files in results."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unigs.drive.motion_loop import longest_segment
from unigs.evaluate.records import FULL, PORTRAIT, find
from unigs.face.angles import head_angles
from unigs.face.lips import OPENING, lip_shape
from unigs.stage.errors import UserError
from unigs.stage.files import read_json
from unigs.subject.features import HeadPoses, Landmarks, SpeechFeatures, TorsoMotion
from unigs.subject.frame_table import REASONS, TEST, read_frame_table

NORM_SIZE = 256
"""Side of the frame in pixels that distances are given at."""


@dataclass(frozen=True)
class ClipFigures:
    """What the preparation found in a clip; None where its file is not there."""

    source_fps: float | None = None
    """Frames per second of the source."""
    fps: float = 25.0
    """Frames per second of the clip."""
    window: int = NORM_SIZE
    """Side of the square that was cut out of the source, its pixels."""
    size: int = NORM_SIZE
    """Side of the clip's frames, pixels."""
    carried: float = 0.0
    """Share of the frames that optical flow carried to their time."""
    has_audio: bool = True
    """Whether the source has sound."""
    seconds: float = 0.0
    """Length of the clip."""
    kept: float | None = None
    """Share of the frames that count."""
    kept_seconds: float = 0.0
    """Length of what counts."""
    removed: dict[str, float] = field(default_factory=dict)
    """Reason -> share of the frames that it removes; most frequent first."""
    test_frames: int = 0
    """Kept frames that are held out for the test."""
    longest_seconds: float = 0.0
    """Length of the longest piece of kept frames without a cut, which talking videos replay."""
    found: float | None = None
    """Share of the frames with a face."""
    face_width: float = 0.0
    """Median width of the face as a share of the frame."""
    turn: float = 0.0
    """Range of the head's yaw or pitch, whichever is larger, degrees (5 to 95 %)."""
    opening: float = 0.0
    """Range of the mouth's opening in units of the face's size (5 to 95 %)."""
    reprojection: float | None = None
    """Median distance of the fitted face's points from the detected ones, pixels at 256."""
    offset: float | None = None
    """Frames by which the sound came later than the picture."""
    speech: str = ""
    """Speech back-end."""
    body: str = ""
    """Method that tracked the torso; `rest` where too little of it is seen."""


@dataclass(frozen=True)
class FitFigures:
    """What became of one variant's training and test."""

    steps: int | None = None
    """Steps of the dynamic stage; None where it was not finished."""
    psnr_train: float | None = None
    """PSNR of training frames at the end, dB."""
    records: list[dict] = field(default_factory=list)
    """Records of metrics.json; none where the portrait was not judged."""
    test_frames: int = 0
    """Frames that it was judged on."""

    def value(self, metric: str, region: str = FULL, method: str = PORTRAIT) -> float | None:
        """A figure, or None where it is empty or was not measured.

        Args:
            metric: name of what was measured.
            region: where it was measured.
            method: what was judged.
        """
        row = find(self.records, metric, region, method)
        return None if row is None else row["value"]


def read_clip(folder: Path) -> ClipFigures:
    """Read what the preparation of a subject has left so far.

    Args:
        folder: the subject's folder of results.

    Raises:
        UserError: nothing of a preparation is there, or a file is damaged.
    """
    found: dict[str, Any] = {}
    for name, read in READERS.items():
        if (folder / name).is_file():
            found |= read(folder / name)
    if not found:
        raise UserError(
            f"{folder} holds nothing of a prepared clip: name a subject's folder in results."
        )
    return ClipFigures(**found)


def read_fit(folder: Path) -> FitFigures:
    """Read what training and test of a variant have left so far.

    Args:
        folder: the variant's folder, results/SUBJECT/VARIANT.

    Raises:
        UserError: a file is damaged.
    """
    found: dict[str, Any] = {}
    if (folder / "dynamic/run.json").is_file():
        summary = read_json(folder / "dynamic/run.json")["summary"]
        found |= {"steps": summary["steps"], "psnr_train": summary["psnr_train"]}
    if (folder / "test/metrics.json").is_file():
        content = read_json(folder / "test/metrics.json")
        found |= {"records": content["metrics"], "test_frames": content["test_frames"]}
    return FitFigures(**found)


def _crop(path: Path) -> dict[str, Any]:
    info = read_json(path)
    same = {name: info[name] for name in ("source_fps", "fps", "size", "has_audio")}
    return same | {
        "window": info["window"][2],
        "carried": len(info["carried"]) / max(1, info["frames"]),
        "seconds": info["frames"] / info["fps"],
    }


def _frames(path: Path) -> dict[str, Any]:
    table = read_frame_table(path)
    shares = {name: float((table.marked(name) & ~table.keep).mean()) for name in REASONS}
    piece = longest_segment(table.keep, table.jump_cuts)
    return {
        "kept": float(table.keep.mean()),
        "kept_seconds": float(table.keep.sum()) / table.fps,
        "removed": dict(sorted(shares.items(), key=lambda item: -item[1])),
        "test_frames": len(table.frames(TEST)),
        "longest_seconds": (piece.stop - piece.start) / table.fps,
    }


def _landmarks(path: Path) -> dict[str, Any]:
    marks = Landmarks.read(path)
    points = marks.points[marks.found]
    if not len(points):
        return {"found": 0.0}
    widths = points[..., 0].max(1) - points[..., 0].min(1)
    angles = _range(head_angles(points)[:, :2])
    return {
        "found": float(marks.found.mean()),
        "face_width": float(np.median(widths)) / marks.size,
        "turn": float(angles.max()),
        "opening": float(_range(lip_shape(points)[:, OPENING])),
    }


def _range(values: np.ndarray) -> np.ndarray:
    """Distance of the 5th from the 95th percentile along the first axis."""
    low, high = np.quantile(values, [0.05, 0.95], axis=0)
    return high - low


def _pose(path: Path) -> dict[str, Any]:
    poses = HeadPoses.read(path)
    return {"reprojection": float(np.nanmedian(poses.reprojection)) * NORM_SIZE / poses.size}


def _speech(path: Path) -> dict[str, Any]:
    features = SpeechFeatures.read(path)
    return {"offset": features.offset, "speech": features.backend}


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "clip/crop.json": _crop,
    "clip/frames.csv": _frames,
    "face/landmarks.npz": _landmarks,
    "face/pose.npz": _pose,
    "speech/features.npz": _speech,
    "body/motion.npz": lambda path: {"body": TorsoMotion.read(path).backend},
}
"""File in a subject's folder -> what reads its figures."""
