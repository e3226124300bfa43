"""A subject of a few dozen small frames with known truth, for tests of training and playing.

A coloured blob "head" of Gaussians turns in front of a resting blob "torso"; a dark spot opens
with the (random) speech feature. Rendered by our own rasteriser, written in the real formats.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from unigs.geometry.cameras import intrinsics, view_matrix
from unigs.media.images import write_png
from unigs.media.video import VideoWriter
from unigs.render.rasterize import rasterize
from unigs.stage.files import save_npz
from unigs.subject.dataset import ACTION_UNITS, SubjectFiles
from unigs.subject.labels import FACE, HAIR, MOUTH, TORSO, write_labels

SIZE, FRAMES, FOCAL, DISTANCE = 64, 154, 128.0, 0.6


def turn(yaw: float) -> np.ndarray:
    """Rotation [3,3] about the vertical axis."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def write_tiny_subject(folder: Path, seed: int = 0) -> SubjectFiles:
    """Render and write everything that training reads."""
    generator = torch.Generator().manual_seed(seed)
    head = torch.randn(150, 3, generator=generator) * torch.tensor([0.03, 0.04, 0.03])
    torso = torch.randn(150, 3, generator=generator) * torch.tensor([0.07, 0.02, 0.02])
    torso += torch.tensor([0.0, 0.13, 0.02])
    colors = torch.rand(300, 3, generator=generator)
    rng = np.random.default_rng(seed)
    opening = np.abs(np.sin(np.arange(FRAMES) * 0.7)).astype(np.float32)
    yaw = 0.25 * np.sin(np.arange(FRAMES) * 0.23)
    R = np.stack([turn(a) for a in yaw])
    t = np.tile(np.array([0, -0.03, DISTANCE], np.float32), (FRAMES, 1))
    t[:, 0] = 0.01 * np.sin(np.arange(FRAMES) * 0.31)
    K = intrinsics(FOCAL, SIZE)
    frames, labels = [], []
    for k in range(FRAMES):
        rest = (torso - 0) @ torch.from_numpy(R[k])  # R^T x: fixed to the camera's axes
        means = torch.cat([head, rest])
        field = (means, torch.tensor([[1.0, 0, 0, 0]]).repeat(300, 1), torch.full((300, 3), 0.012))
        view = view_matrix(torch.from_numpy(R[k]), torch.from_numpy(t[k]))
        image, alpha, _ = rasterize(*field, torch.full((300,), 0.7), colors, view, K, SIZE, SIZE)
        picture = (image + (1 - alpha) * 0.5).clamp(0, 1).numpy()
        picture[30:36, 28:36] *= 1 - 0.8 * opening[k]
        label = np.where(alpha[..., 0].numpy() > 0.5, FACE, 0).astype(np.uint8)
        label[(label > 0) & (np.arange(SIZE)[:, None] > 42)] = TORSO
        label[(label > 0) & (np.arange(SIZE)[:, None] < 20)] = HAIR
        label[30:36, 28:36] = MOUTH
        frames.append((picture * 255).round().astype(np.uint8))
        labels.append(label)
    files = _paths(folder)
    with VideoWriter(files.video, SIZE, SIZE, 25) as writer:
        for frame in frames:
            writer.write(frame)
    write_labels(files.labels, labels, SIZE, SIZE, 25)
    write_png(files.background, np.full((SIZE, SIZE, 3), 128, np.uint8))
    _write_features(files, R, t, opening, rng)
    return files


def _paths(folder: Path) -> SubjectFiles:
    folder.mkdir(parents=True, exist_ok=True)
    return SubjectFiles(
        video=folder / "video.mp4",
        frames=folder / "frames.csv",
        pose=folder / "pose.npz",
        labels=folder / "labels.mkv",
        background=folder / "background.png",
        landmarks=folder / "landmarks.npz",
        speech=folder / "features.npz",
        eyes=folder / "eyes.csv",
    )


def _write_features(
    files: SubjectFiles, R: np.ndarray, t: np.ndarray, opening: np.ndarray, rng: np.random.Generator
) -> None:
    test = np.arange(FRAMES) >= FRAMES * 10 // 11
    table = {"frame": np.arange(FRAMES), "time": np.arange(FRAMES) / 25, "keep": 1, "reason": ""}
    pd.DataFrame({**table, "split": np.where(test, "test", "train")}).to_csv(
        files.frames, index=False
    )
    shape = rng.normal(0, 0.03, (468, 3)).astype(np.float32)
    save_npz(files.pose, R=R, t=t, focal=FOCAL, size=SIZE, shape=shape, backend="test")
    base = rng.uniform(16, 48, (478, 3)).astype(np.float32)
    points = np.repeat(base[None], FRAMES, 0)
    # The lower inner lip falls with the opening, so that lip shapes have something to measure.
    points[:, [14, 178, 402], 1] += 6 * opening[:, None]
    points += rng.normal(0, 0.05, points.shape)
    save_npz(files.landmarks, points=points.astype(np.float32), found=np.ones(FRAMES, bool),
             size=SIZE, backend="test")  # fmt: skip
    speech = rng.normal(0, 0.2, (FRAMES, 17, 8)).astype(np.float32)
    speech[:, 8] += opening[:, None] - opening.mean()
    save_npz(files.speech, features=speech, mean=np.zeros(8), std=np.ones(8), backend="test")
    eyes = pd.DataFrame(rng.uniform(0, 5, (FRAMES, 6)), columns=list(ACTION_UNITS))
    eyes.insert(0, "frame", np.arange(FRAMES))
    eyes.to_csv(files.eyes, index=False)
