"""The one made-up subject: every file that stages exchange, written by the package's own writers.

`write_features` writes the files without pictures, for a head that looks straight ahead unless told
otherwise. `write_pictures` adds clip, regions and plate. `write_subject` renders a subject with
known truth: a blob "head" of Gaussians turns in front of a resting blob "torso", and a dark spot
opens with the (random) speech feature. The benchmarks write their own pictures of a plausible
portrait through the same two functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from unigs.geometry.cameras import intrinsics, view_matrix
from unigs.media.images import write_png
from unigs.media.video import VideoWriter
from unigs.render.rasterize import rasterize
from unigs.settings.speech import SpeechSettings
from unigs.subject.dataset import SubjectFiles
from unigs.subject.features import (
    HeadPoses,
    Landmarks,
    SpeechFeatures,
    TorsoMotion,
    write_action_units,
)
from unigs.subject.frame_table import TEST, TRAIN, FrameTable
from unigs.subject.labels import FACE, HAIR, MOUTH, TORSO, write_labels
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory

SIZE, FRAMES, FOCAL, DISTANCE, FPS = 64, 154, 128.0, 0.6, 25
WINDOW, COEFFICIENTS = 17, 8
LOWER_LIP = [14, 178, 402]
"""Points of the lower inner lip: they fall as the mouth opens."""


def yaw_matrix(yaw: float) -> np.ndarray:
    """Rotation [3,3] about the vertical axis, float32."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def subject_files(folder: Path, video: str = "video.mp4") -> SubjectFiles:
    """Paths of a subject in one folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return SubjectFiles(
        video=folder / video,
        frame_table=folder / "frames.csv",
        pose=folder / "pose.npz",
        labels=folder / "labels.mkv",
        background=folder / "background.png",
        landmarks=folder / "landmarks.npz",
        speech=folder / "features.npz",
        eyes=folder / "eyes.csv",
        body=folder / "motion.npz",
    )


def write_table(
    path: Path,
    frames: int,
    *,
    fps: float = FPS,
    keep: np.ndarray | bool = True,
    reason: dict[int, str] | None = None,
    test: np.ndarray | None = None,
) -> FrameTable:
    """Write a frame table; by default all frames count and the last eleventh is for the test.

    Args:
        path: the table.
        frames: of the clip.
        fps: frames per second.
        keep: which frames count.
        reason: marks of single frames, by number.
        test: frames held out, bool [T].
    """
    index = np.arange(frames)
    test = index >= frames * 10 // 11 if test is None else test
    words = np.array([(reason or {}).get(k, "") for k in range(frames)], object)
    split = np.where(test, TEST, TRAIN)
    table = FrameTable(path, index / fps, np.broadcast_to(keep, frames), words, split)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write()
    return table


def write_features(
    files: SubjectFiles,
    frames: int,
    *,
    size: int = SIZE,
    focal: float = FOCAL,
    head: tuple[np.ndarray, np.ndarray] | None = None,
    shape: np.ndarray | None = None,
    torso: tuple[np.ndarray, np.ndarray] | None = None,
    outline: np.ndarray | None = None,
    points: np.ndarray | None = None,
    eyes: np.ndarray | None = None,
    speech: np.ndarray | None = None,
    encoder: dict | None = None,
    backend: str = "test",
) -> None:
    """Write poses, torso, landmarks, action units and speech of `frames` frames.

    Args:
        files: where to.
        frames: of the clip.
        size: side of the frames, pixels.
        focal: pixels.
        head: R [T,3,3] and t [T,3]; default: straight ahead at DISTANCE.
        shape: face mesh [468,3], meters; default: zeros.
        torso: R and t of its frame; default: as the head stands in the first frame, resting.
        outline: of the arms [T,2]; default: zeros.
        points: landmarks [T,478,3]; default: zeros. NaN where no face is found.
        eyes: action units [T,6]; default: zeros.
        speech: windows [T,W,D]; default: zeros.
        encoder: description of the speech encoder; default: settings alone.
        backend: name that the files give for what made them.
    """
    R = np.tile(np.eye(3, dtype=np.float32), (frames, 1, 1))
    t = np.tile(np.array([0, 0, DISTANCE], np.float32), (frames, 1))
    R, t = (R, t) if head is None else head
    rest = np.repeat(R[:1], frames, 0), np.repeat(t[:1], frames, 0)
    points = np.zeros((frames, 478, 3)) if points is None else points
    found = np.isfinite(points).all((1, 2))
    speech = np.zeros((frames, WINDOW, COEFFICIENTS)) if speech is None else speech
    dim, clean = speech.shape[2], np.zeros(frames, np.float32)
    encoder = {"settings": vars(SpeechSettings())} if encoder is None else encoder
    HeadPoses(
        RigidTrajectory(R, t), focal, size, np.zeros((468, 3)) if shape is None else shape,
        np.where(np.isfinite(t).all(1), clean, np.nan), backend,
    ).write(files.pose)  # fmt: skip
    TorsoMotion(
        AffineTrajectory(*(rest if torso is None else torso)),
        np.zeros((frames, 2), np.float32) if outline is None else outline, clean, backend,
    ).write(files.body)  # fmt: skip
    Landmarks(points.astype(np.float32), found, size, backend).write(files.landmarks)
    write_action_units(files.eyes, np.zeros((frames, 7)) if eyes is None else eyes)
    SpeechFeatures(
        speech.astype(np.float32), np.zeros(dim), np.ones(dim), backend, 50.0,
        np.zeros(speech.shape[1:], np.float32), 0, json.dumps(encoder),
    ).write(files.speech)  # fmt: skip


def write_pictures(
    files: SubjectFiles,
    pictures: Iterable[np.ndarray],
    labels: Iterable[np.ndarray],
    size: int = SIZE,
    background: np.ndarray | None = None,
    quality: str = "high",
) -> None:
    """Write clip, label video and plate.

    Args:
        files: where to.
        pictures: frames uint8 [H,W,3].
        labels: label images uint8 [H,W].
        size: side of the frames, pixels.
        background: plate uint8 [H,W,3]; default: gray.
        quality: of the clip, see `VideoWriter`.
    """
    with VideoWriter(files.video, size, size, FPS, quality) as writer:
        for picture in pictures:
            writer.write(picture)
    write_labels(files.labels, labels, size, size, FPS)
    gray = np.full((size, size, 3), 128, np.uint8)
    write_png(files.background, gray if background is None else background)


def write_subject(folder: Path, seed: int = 0) -> SubjectFiles:
    """Render and write everything that training reads: FRAMES frames of SIZE x SIZE pixels."""
    files, rng = subject_files(folder), np.random.default_rng(seed)
    opening = np.abs(np.sin(np.arange(FRAMES) * 0.7)).astype(np.float32)
    R = np.stack([yaw_matrix(a) for a in 0.25 * np.sin(np.arange(FRAMES) * 0.23)])
    t = np.tile(np.array([0, -0.03, DISTANCE], np.float32), (FRAMES, 1))
    t[:, 0] = 0.01 * np.sin(np.arange(FRAMES) * 0.31)
    write_pictures(files, *zip(*_views(R, t, opening, seed), strict=True))
    write_table(files.frame_table, FRAMES)
    shape = rng.normal(0, 0.03, (468, 3))
    points = np.repeat(rng.uniform(16, 48, (478, 3))[None], FRAMES, 0)
    points[:, LOWER_LIP, 1] += 6 * opening[:, None]
    points += rng.normal(0, 0.05, points.shape)
    speech = rng.normal(0, 0.2, (FRAMES, WINDOW, COEFFICIENTS))
    speech[:, WINDOW // 2] += opening[:, None] - opening.mean()
    rest = np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1, 1)), t
    write_features(
        files, FRAMES, head=(R, t), shape=shape, torso=rest, points=points, speech=speech,
        eyes=rng.uniform(0, 5, (FRAMES, 7)),
    )  # fmt: skip
    return files


def _views(
    R: np.ndarray, t: np.ndarray, opening: np.ndarray, seed: int
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Frame and label image of every pose."""
    generator = torch.Generator().manual_seed(seed)
    head = torch.randn(150, 3, generator=generator) * torch.tensor([0.03, 0.04, 0.03])
    torso = torch.randn(150, 3, generator=generator) * torch.tensor([0.07, 0.02, 0.02])
    torso += torch.tensor([0.0, 0.13, 0.02])
    colors = torch.rand(300, 3, generator=generator)
    unit, radius = torch.tensor([[1.0, 0, 0, 0]]).repeat(300, 1), torch.full((300, 3), 0.012)
    for k in range(len(R)):
        rest = torso @ torch.from_numpy(R[k])  # R^T x: fixed to the camera's axes
        view = view_matrix(torch.from_numpy(R[k]), torch.from_numpy(t[k]))
        image, alpha, _ = rasterize(
            torch.cat([head, rest]), unit, radius, torch.full((300,), 0.7), colors, view,
            intrinsics(FOCAL, SIZE), SIZE, SIZE,
        )  # fmt: skip
        picture = (image + (1 - alpha) * 0.5).clamp(0, 1).numpy()
        picture[30:36, 28:36] *= 1 - 0.8 * opening[k]
        label = np.where(alpha[..., 0].numpy() > 0.5, FACE, 0).astype(np.uint8)
        label[(label > 0) & (np.arange(SIZE)[:, None] > 42)] = TORSO
        label[(label > 0) & (np.arange(SIZE)[:, None] < 20)] = HAIR
        label[30:36, 28:36] = MOUTH
        yield (picture * 255).round().astype(np.uint8), label
