"""The files between stages: what each holds, and its one reader and writer.

Row k of every array with T rows belongs to frame k of the clip (`unigs.subject.frame_table`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.stage.errors import UserError
from unigs.stage.files import save_npz
from unigs.subject.checks import Array, read_arrays, read_columns, write_columns
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory

ACTION_UNITS = ("AU01", "AU04", "AU05", "AU06", "AU07", "AU45")
"""Inner brow raiser, brow lowerer, upper lid raiser, cheek raiser, lid tightener, blink: e of the
paper."""
FACE_UNITS = (*ACTION_UNITS, "AU12")
"""Columns of face/eyes.csv: `ACTION_UNITS`, and the lip corner puller, a smile."""

ONE_NUMBER, TEXT = Array(positive=True), Array(kind="text")
COUNT = Array(kind="whole", positive=True)
LANDMARKS = {
    "points": Array(("T", 478, 3), gaps=True),
    "found": Array(("T",), "flag"),
    "size": COUNT,
    "backend": TEXT,
}
POSES = {
    "R": Array(("T", 3, 3), gaps=True),
    "t": Array(("T", 3), gaps=True),
    "focal": ONE_NUMBER,
    "size": COUNT,
    "shape": Array((468, 3)),
    "reprojection": Array(("T",), gaps=True),
    "backend": TEXT,
}
MOTION = {
    "R": Array(("T", 3, 3)),
    "t": Array(("T", 3)),
    "outline": Array(("T", 2)),
    "correlation": Array(("T",), gaps=True),
    "backend": TEXT,
}
SPEECH = {
    "features": Array(("T", "W", "D")),
    "mean": Array(("D",)),
    "std": Array(("D",), positive=True),
    "backend": TEXT,
    "rate": ONE_NUMBER,
    "silence": Array(("W", "D")),
    "offset": Array(),
    "encoder": TEXT,
}


@dataclass(frozen=True)
class Landmarks:
    """face/landmarks.npz."""

    points: np.ndarray
    """MediaPipe's points, float32 [T,478,3]: x and y in pixels, z in the same scale (smaller is
    nearer); NaN where no face was found."""
    found: np.ndarray
    """Frames with a face, bool [T]."""
    size: int
    """Side of the clip's frames, pixels."""
    backend: str
    """Name of the detector."""

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def read(cls, path: Path) -> Landmarks:
        """Read the file.

        Raises:
            UserError: it is missing, damaged, or an array is not as specified.
        """
        data = read_arrays(path, LANDMARKS, "detect_landmarks")
        points, found = _float(data["points"]), data["found"]
        _known(path, "points", points, found, "detect_landmarks")
        return cls(points, found, int(data["size"]), str(data["backend"]))

    def write(self, path: Path) -> None:
        """Write the file as a whole or not at all."""
        save_npz(path, points=self.points, found=self.found, size=self.size, backend=self.backend)


@dataclass(frozen=True)
class HeadPoses:
    """face/pose.npz, and the refined poses of static/pose.npz."""

    head: RigidTrajectory
    """Head pose of every frame, float32."""
    focal: float
    """Focal length, pixels."""
    size: int
    """Side of the clip's frames, pixels."""
    shape: np.ndarray
    """The person's face mesh in the head's frame, float32 [468,3], meters."""
    reprojection: np.ndarray
    """Root mean square distance of the fitted landmarks from the detected ones, float32 [T],
    pixels; NaN where no face was found."""
    backend: str
    """Name of the method that fitted the poses."""

    def __len__(self) -> int:
        return len(self.head)

    @classmethod
    def read(cls, path: Path) -> HeadPoses:
        """Read the file.

        Raises:
            UserError: it is missing, damaged, or an array is not as specified.
        """
        stage = "fit_pose (train_static for refined poses)"
        data = read_arrays(path, POSES, stage)
        head = RigidTrajectory(_float(data["R"]), _float(data["t"]))
        _known(path, "R", head.R, head.known, stage)
        return cls(
            head,
            float(data["focal"]),
            int(data["size"]),
            _float(data["shape"]),
            _float(data["reprojection"]),
            str(data["backend"]),
        )

    def write(self, path: Path) -> None:
        """Write the file as a whole or not at all."""
        save_npz(
            path,
            R=_float(self.head.R),
            t=_float(self.head.t),
            focal=np.float32(self.focal),
            size=np.int64(self.size),
            shape=_float(self.shape),
            reprojection=_float(self.reprojection),
            backend=self.backend,
        )


@dataclass(frozen=True)
class TorsoMotion:
    """body/motion.npz, and the refined motion of static/motion.npz."""

    torso: AffineTrajectory
    """The torso's own frame in every frame of the clip, float32."""
    outline: np.ndarray
    """How far the arms stand out to the picture's left and right of where the torso's frame puts
    them, float32 [T,2], meters."""
    correlation: np.ndarray
    """Correlation of each registered frame with the reference frame, float [T] up to 1; NaN where
    a frame was not registered."""
    backend: str
    """Name of the method that tracked the torso; `rest` where too little torso is seen."""

    def __len__(self) -> int:
        return len(self.torso)

    @classmethod
    def read(cls, path: Path) -> TorsoMotion:
        """Read the file.

        Raises:
            UserError: it is missing, damaged, or an array is not as specified.
        """
        data = read_arrays(path, MOTION, "track_body (train_static for a refined motion)")
        torso = AffineTrajectory(_float(data["R"]), _float(data["t"]))
        return cls(torso, _float(data["outline"]), data["correlation"], str(data["backend"]))

    def write(self, path: Path) -> None:
        """Write the file as a whole or not at all."""
        save_npz(
            path,
            R=self.torso.R,
            t=self.torso.t,
            outline=self.outline,
            correlation=self.correlation,
            backend=self.backend,
        )


@dataclass(frozen=True)
class SpeechFeatures:
    """speech/features.npz."""

    windows: np.ndarray
    """Windows of speech features of every frame, float32 [T,W,D], normalized with mean and standard
    deviation of the training frames."""
    mean: np.ndarray
    """Mean of the training frames' raw features, float32 [D]."""
    std: np.ndarray
    """Standard deviation of the training frames' raw features, float32 [D]."""
    backend: str
    """Name of the encoder."""
    rate: float
    """Columns of a window per second."""
    silence: np.ndarray
    """The normalized window of complete silence, float32 [W,D]."""
    offset: float
    """Frames by which the sound came later than the picture, undone in the windows."""
    encoder: str
    """JSON from which `unigs.speech.encoder` rebuilds the encoder for other recordings."""

    def __len__(self) -> int:
        return len(self.windows)

    @classmethod
    def read(cls, path: Path) -> SpeechFeatures:
        """Read the file.

        Raises:
            UserError: it is missing, damaged, or an array is not as specified.
        """
        data = read_arrays(path, SPEECH, "encode_speech")
        return cls(
            _float(data["features"]),
            _float(data["mean"]),
            _float(data["std"]),
            str(data["backend"]),
            float(data["rate"]),
            _float(data["silence"]),
            float(data["offset"]),
            str(data["encoder"]),
        )

    def write(self, path: Path) -> None:
        """Write the file as a whole or not at all."""
        save_npz(
            path,
            features=self.windows,
            mean=_float(self.mean),
            std=_float(self.std),
            backend=self.backend,
            rate=self.rate,
            silence=self.silence,
            offset=self.offset,
            encoder=self.encoder,
        )


def read_action_units(path: Path) -> np.ndarray:
    """Read face/eyes.csv.

    Returns:
        Action units float32 [T,7], 0 to 5, in the order of `FACE_UNITS`.

    Raises:
        UserError: the file is missing or lacks a column, or a cell is no number.
    """
    columns = read_columns(path, dict.fromkeys(FACE_UNITS, Array()), "measure_eyes")
    return np.stack(list(columns.values()), axis=1).astype(np.float32)


def write_action_units(path: Path, units: np.ndarray) -> None:
    """Write face/eyes.csv, with the frame's number before its units.

    Args:
        path: the table.
        units: action units [T,7], 0 to 5, in the order of `FACE_UNITS`.
    """
    columns = {"frame": range(len(units))}
    for name, values in zip(FACE_UNITS, units.T, strict=True):
        columns[name] = [f"{value:.4f}" for value in values]
    write_columns(path, columns)


def _float(values: np.ndarray) -> np.ndarray:
    return np.asarray(values).astype(np.float32, copy=False)


def _known(path: Path, name: str, values: np.ndarray, known: np.ndarray, stage: str) -> None:
    """Refuse rows of an array that are NaN though their frame counts as known."""
    torn = known & ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if torn.any():
        raise UserError(
            f"{path}: {name} is not finite in frame {int(torn.argmax())}, whose face counts as "
            f"found; run {stage} anew."
        )
