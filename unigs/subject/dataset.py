"""All that the stages before training know of one subject, checked where the files meet."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from unigs.media.images import read_image
from unigs.media.video import probe
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz
from unigs.subject.framestore import FrameStore
from unigs.subject.labels import BACKGROUND
from unigs.subject.resident import ResidentFrames

ACTION_UNITS = ("AU01", "AU04", "AU05", "AU06", "AU07", "AU45")
RESIDENT_GB = 8.0
"""Frames and labels that together take up to this much stay on the GPU (480x480, 25 frames/s:
almost six minutes); of a longer clip each frame is copied there when a step needs it."""


def read_action_units(path: Path) -> np.ndarray:
    """Read `eyes.csv` as float32 [T,6] in the order of `ACTION_UNITS`.

    Raises:
        UserError: the file is missing or lacks a column.
    """
    try:
        table = pd.read_csv(path)
        return table[list(ACTION_UNITS)].to_numpy(np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): run measure_eyes anew.") from None


@dataclass(frozen=True)
class SubjectFiles:
    """Paths of one subject's files; row k of each belongs to frame k of the clip."""

    video: Path
    """The cropped clip."""
    frames: Path
    """Frame table: frame, time, keep, reason, split."""
    pose: Path
    """Head pose of every frame, focal length, face shape."""
    labels: Path
    """Label video."""
    background: Path
    """Background plate."""
    landmarks: Path
    """Face landmarks of every frame."""
    speech: Path | None = None
    """Speech features of every frame (not needed by the static stage)."""
    eyes: Path | None = None
    """Action units of every frame (not needed by the static stage)."""
    body: Path | None = None
    """Motion of the torso in every frame; without it the body rests."""


class Dataset:
    """Frames and features of one subject.

    Attributes:
        frames, labels: indexable by frame: uint8 [H,W,3] and [H,W], memory-mapped.
        plate: background, float32 [H,W,3] in [0,1].
        R, t, focal: pose, float32 [T,3,3], [T,3] metres; pixels.
        shape: the person's face mesh in the head frame [468,3], metres.
        landmarks: [T,478,3] pixels; NaN where no face was found.
        body_R, body_t, body_outline: the torso's own frame, [T,3,3], [T,3] and [T,2], or None: at
            rest (see `unigs.model.anchor.Body`).
        speech: float32 [T,W,D] or None. eyes: float32 [T,6] action units 0-5 or None.
        train, test: indices of the kept frames of either split.

    Raises:
        UserError: two files disagree in the number of frames or the size.
    """

    def __init__(self, files: SubjectFiles) -> None:
        info = probe(files.video)
        self.files, self.fps, self.size = files, info.fps, info.width
        if info.width != info.height:
            raise UserError(
                f"{files.video} is {info.width}x{info.height}: the cropped clip must be square; "
                "run crop_clip."
            )
        self.table = pd.read_csv(files.frames, keep_default_na=False)
        self.count = len(self.table)
        self.frames = FrameStore(files.video, self.count)
        self.labels = FrameStore(files.labels, self.count, gray=True)
        self.to("cpu")
        pose = load_npz(files.pose, "R", "t", "focal", "shape")
        self.R, self.t = pose["R"].astype(np.float32), pose["t"].astype(np.float32)
        self.focal, self.shape = float(pose["focal"]), pose["shape"].astype(np.float32)
        self.body_R, self.body_t, self.body_outline = self._body(files.body)
        self.landmarks = load_npz(files.landmarks, "points")["points"]
        self.speech, self.speech_info = self._speech(files.speech)
        self.eyes = None if files.eyes is None else read_action_units(files.eyes)
        self.plate = read_image(files.background).astype(np.float32) / 255
        self._check_lengths()
        usable = (self.table["keep"] == 1) & np.isfinite(self.t).all(1)
        self.train = np.flatnonzero(usable & (self.table["split"] == "train"))
        self.test = np.flatnonzero(usable & (self.table["split"] == "test"))
        if len(self.train) < 10:
            raise UserError(
                f"{files.frames} keeps only {len(self.train)} training frames: use a longer or "
                "cleaner clip."
            )

    @staticmethod
    def _speech(path: Path | None) -> tuple[np.ndarray | None, dict]:
        if path is None:
            return None, {}
        arrays = load_npz(path, "features", "mean", "std", "backend")
        features = arrays.pop("features").astype(np.float32)
        return features, arrays

    @staticmethod
    def _body(path: Path | None) -> tuple[np.ndarray, ...] | tuple[None, None, None]:
        if path is None:
            return None, None, None
        names = "R", "t", "outline"
        body = load_npz(path, *names)
        return tuple(body[name].astype(np.float32) for name in names)

    def _check_lengths(self) -> None:
        rows = {
            self.files.pose: len(self.R),
            self.files.landmarks: len(self.landmarks),
            self.files.speech: None if self.speech is None else len(self.speech),
            self.files.eyes: None if self.eyes is None else len(self.eyes),
            self.files.body: None if self.body_R is None else len(self.body_R),
        }
        for path, length in rows.items():
            if length is not None and length != self.count:
                raise UserError(
                    f"{path} has {length} rows but {self.files.frames} has {self.count}: "
                    "they must describe the same frames; make both anew."
                )
        if self.plate.shape[:2] != (self.size, self.size):
            raise UserError(
                f"{self.files.background} is {self.plate.shape[1]}x{self.plate.shape[0]} but "
                f"{self.files.video} is {self.size}x{self.size}: run segment_regions again."
            )

    def to(self, device: torch.device | str) -> None:
        """Choose where `image`, `regions` and `person` hand out their tensors."""
        device = torch.device(device)
        size = self.frames.frames.nbytes + self.labels.frames.nbytes
        keep = device.type == "cuda" and size <= RESIDENT_GB * 1e9
        self._images = ResidentFrames(self.frames, device, keep)
        self._regions = ResidentFrames(self.labels, device, keep)

    def image(self, frame: int) -> torch.Tensor:
        """Frame as float32 [H,W,3] in [0,1]."""
        return self._images[frame].float().div_(255)

    def regions(self, frame: int) -> torch.Tensor:
        """Labels of a frame, uint8 [H,W] (see `unigs.subject.labels`)."""
        return self._regions[frame]

    def person(self, frame: int) -> torch.Tensor:
        """Person mask, bool [H,W]."""
        return self._regions[frame] != BACKGROUND
