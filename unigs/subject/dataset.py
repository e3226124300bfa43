"""Frames, regions and performance of one subject, with files that are checked for equal length."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from unigs.media.images import read_image
from unigs.media.video import probe
from unigs.stage.errors import UserError
from unigs.subject.features import (
    HeadPoses,
    Landmarks,
    SpeechFeatures,
    TorsoMotion,
    read_action_units,
)
from unigs.subject.frame_table import FEWEST_TRAINING_FRAMES, TEST, TRAIN, read_frame_table
from unigs.subject.framestore import FrameStore
from unigs.subject.labels import BACKGROUND, labels_backend
from unigs.subject.performance import performance_of
from unigs.subject.resident import ResidentFrames

__all__ = ["Dataset", "SubjectFiles"]

RESIDENT_GB = 8.0
"""Most gigabytes of frames and labels that stay on the GPU (480x480, 25 frames/s: almost six
minutes); of a longer clip each frame is copied there when a step needs it."""


@dataclass(frozen=True)
class SubjectFiles:
    """Paths of one subject's files; row k of each belongs to frame k of the clip."""

    video: Path
    """The cropped clip."""
    frame_table: Path
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
    """Frames, regions and performance of one subject.

    Attributes:
        files: paths of the files.
        table: the frame table.
        fps: frames per second of the clip.
        size: side of the frames, pixels.
        frames: the clip's frames, indexable: uint8 [H,W,3], memory-mapped.
        labels: label images, indexable: uint8 [H,W], memory-mapped (`unigs.subject.labels`).
        plate: background, float32 [H,W,3] in [0,1].
        poses: head poses with focal length and the person's face mesh.
        motion: motion of the torso; None where its file was not given.
        performance: what moves the portrait in every frame; without eyes and speech where their
            files were not given.
        landmarks: face landmarks of every frame.
        encoder: JSON of the speech encoder; an empty object without speech.
        silence: the normalized window of silence, float32 [W,D]; None without speech.
        backends: back-ends of landmarks, poses, speech and regions, by name.
        train: indices of the kept training frames.
        test: indices of the kept test frames.

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
        self.table = read_frame_table(files.frame_table)
        self.frames = FrameStore(files.video, len(self.table))
        self.labels = FrameStore(files.labels, len(self.table), labels=True)
        self.to("cpu")
        self._read_features()
        self.plate = read_image(files.background).astype(np.float32) / 255
        self._check_sizes()
        usable = self.performance.head.known
        self.train, self.test = (self.table.frames(split, usable) for split in (TRAIN, TEST))
        if len(self.train) < FEWEST_TRAINING_FRAMES:
            raise UserError(
                f"{files.frame_table} keeps only {len(self.train)} training frames, "
                f"{FEWEST_TRAINING_FRAMES} are needed: use a longer or cleaner clip."
            )

    def __len__(self) -> int:
        """Number of frames of the clip."""
        return len(self.table)

    def _read_features(self) -> None:
        files = self.files
        self.poses, self.landmarks = HeadPoses.read(files.pose), Landmarks.read(files.landmarks)
        speech = None if files.speech is None else SpeechFeatures.read(files.speech)
        eyes = None if files.eyes is None else read_action_units(files.eyes)
        self.motion = None if files.body is None else TorsoMotion.read(files.body)
        rows = {
            files.pose: self.poses,
            files.landmarks: self.landmarks,
            files.speech: speech,
            files.eyes: eyes,
            files.body: self.motion,
        }
        for path, read in rows.items():
            self.table.check_rows(path, read)
        self.performance = performance_of(self.poses, self.motion, eyes, speech)
        self.silence = None if speech is None else speech.silence
        self.encoder = "{}" if speech is None else speech.encoder
        made = {"landmarks": self.landmarks, "pose": self.poses, "speech": speech}
        self.backends = {name: read.backend for name, read in made.items() if read is not None}
        if regions := labels_backend(files.labels):
            self.backends["regions"] = regions

    def _check_sizes(self) -> None:
        """Refuse files that were made of a clip of another size."""
        files, side = self.files, self.size
        marks, poses = (2 * (read.size,) for read in (self.landmarks, self.poses))
        fit = "fit_pose (train_static for refined poses)"
        for path, (height, width), made, stage in (
            (files.landmarks, marks, "is of frames of", "detect_landmarks"),
            (files.pose, poses, "is of frames of", fit),
            (files.labels, self.labels.frames.shape[1:], "is", "segment_regions"),
            (files.background, self.plate.shape[:2], "is", "segment_regions"),
        ):
            if (height, width) != (side, side):
                raise UserError(
                    f"{path} {made} {width}x{height} but {files.video} is {side}x{side}: run "
                    f"{stage} again."
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

    def shows(self, frame: int, label: int) -> torch.Tensor:
        """Mask of the pixels of a frame with a label, bool [H,W]."""
        return _compared(operator.eq, self._regions[frame], label)

    def person(self, frame: int) -> torch.Tensor:
        """Person mask, bool [H,W]."""
        return _compared(operator.ne, self._regions[frame], BACKGROUND)


def _compared(how: Callable, labels: torch.Tensor, label: int) -> torch.Tensor:
    """Labels compared with one of them, bool [H,W] on their device."""
    if labels.device.type != "cpu":
        return how(labels, label)
    # NumPy compares bytes some ten times as fast as torch.
    return torch.from_numpy(how(labels.numpy(), np.uint8(label)))
