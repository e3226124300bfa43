"""A folder of AD-NeRF's layout as its own tools would write it, and a prepared subject to give out.

Nothing here uses `unigs.exchange`: the poses are turned into the layout's by its own formula, with
angles, from the head to the camera in OpenGL's axes.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np

from tests.support.subject import write_subject
from unigs.media.audio import write_wav

PICTURES, SIDE, FOCAL = 220, 64, 150.0
HELD_OUT = 20
PLACES = {
    "video.mp4": "clip/video.mp4",
    "frames.csv": "clip/frames.csv",
    "pose.npz": "face/pose.npz",
    "landmarks.npz": "face/landmarks.npz",
    "eyes.csv": "face/eyes.csv",
    "features.npz": "speech/features.npz",
    "labels.mkv": "regions/labels.mkv",
    "background.png": "regions/background.png",
    "motion.npz": "body/motion.npz",
}
"""Files of `tests.support.subject` -> their places in a subject's results."""
UNITS = ("AU01", "AU04", "AU05", "AU06", "AU07", "AU12", "AU25", "AU45")


def lineage_rotation(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Rx Ry Rz of the lineage's tracker, from the head to the camera, [n,3,3]."""
    one, zero = np.ones_like(x), np.zeros_like(x)
    rx = [[one, zero, zero], [zero, np.cos(x), np.sin(x)], [zero, -np.sin(x), np.cos(x)]]
    ry = [[np.cos(y), zero, -np.sin(y)], [zero, one, zero], [np.sin(y), zero, np.cos(y)]]
    rz = [[np.cos(z), -np.sin(z), zero], [np.sin(z), np.cos(z), zero], [zero, zero, one]]
    rx, ry, rz = (np.moveaxis(np.array(part), -1, 0) for part in (rx, ry, rz))
    return rx @ ry @ rz


def track(pictures: int = PICTURES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles [n,3], trans [n,3] in 10 cm and rotations [n,3,3] of a head that looks about."""
    time = np.arange(pictures) / 25
    angles = np.stack([0.1 * np.sin(time), 0.3 * np.sin(1.7 * time), 0.05 * np.cos(time)], 1)
    trans = np.stack([0.3 * np.sin(time), 0.1 * np.cos(time), -8 + 0.2 * np.sin(2 * time)], 1)
    return angles, trans, lineage_rotation(*angles.T)


def transforms(rotations: np.ndarray, trans: np.ndarray, numbers: range) -> dict:
    """Content of transforms_train.json or transforms_val.json for some pictures; meters."""
    frames = []
    for k in numbers:
        pose = np.eye(4)
        pose[:3, :3] = rotations[k].T
        pose[:3, 3] = -rotations[k].T @ (trans[k] / 10)
        frames.append({"img_id": k, "aud_id": k, "transform_matrix": pose.tolist()})
    return {"focal_len": FOCAL, "cx": SIDE / 2, "cy": SIDE / 2, "frames": frames}


def write_lineage(folder: Path, pictures: int = PICTURES) -> Path:
    """Write a folder: pictures, poses, action units, DeepSpeech features, sound, parsing, plate."""
    (folder / "gt_imgs").mkdir(parents=True)
    (folder / "parsing").mkdir()
    rng = np.random.default_rng(0)
    _, trans, rotations = track(pictures)
    first = pictures - HELD_OUT
    for name, numbers in (("train", range(first)), ("val", range(first, pictures))):
        content = transforms(rotations, trans, numbers)
        (folder / f"transforms_{name}.json").write_text(json.dumps(content))
    for k in range(pictures):
        cv2.imwrite(str(folder / f"gt_imgs/{k}.jpg"), picture(k)[..., ::-1])
        cv2.imwrite(str(folder / f"parsing/{k}.png"), parsing()[..., ::-1])
    cv2.imwrite(str(folder / "bc.jpg"), np.full((SIDE, SIDE, 3), 90, np.uint8))
    write_au(folder / "au.csv", rng.integers(0, 500, (pictures, len(UNITS))) / 100)
    windows = rng.normal(0, 5, (pictures, 16, 29)).astype(np.float32)
    np.save(folder / "aud_ds.npy", windows.astype(np.float64))
    write_wav(folder / "aud.wav", rng.normal(0, 0.1, pictures * 640).astype(np.float32))
    return folder


def picture(number: int) -> np.ndarray:
    """Picture uint8 RGB [SIDE,SIDE,3]: a smooth gradient whose blue tells the number."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.stack([2 * x + 40, 2 * y + 40, np.full_like(x, number)], -1).astype(np.uint8)


def parsing() -> np.ndarray:
    """Regions uint8 RGB in TalkingGaussian's colors: hair, head, mouth, neck, cloth, rows of 8."""
    colors = [(255, 255, 255), (0, 0, 0), (0, 0, 255), (100, 100, 100), (0, 255, 0), (255, 0, 0)]
    image = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for row, color in enumerate(colors):
        image[8 * row : 8 * row + 8] = color
    return image


def write_au(path: Path, values: np.ndarray, frames: np.ndarray | None = None, fps: float = 25):
    """Write au.csv as OpenFace does, with a space before each name but the first."""
    names = ["frame", "timestamp", "success", *(f"{name}_r" for name in UNITS)]
    frames = np.arange(1, len(values) + 1) if frames is None else frames
    rows = [
        ", ".join([f"{f}", f"{(f - 1) / fps:.3f}", "1", *(f"{v:.2f}" for v in row)])
        for f, row in zip(frames, values, strict=True)
    ]
    path.write_text("\n".join([", ".join(names), *rows]) + "\n")


def prepared_subject(folder: Path) -> Path:
    """A small prepared subject at the places that the workflow gives its files."""
    write_subject(folder / "flat")
    for name, place in PLACES.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / "flat" / name).rename(folder / place)
    shutil.rmtree(folder / "flat")
    rng = np.random.default_rng(3)
    write_wav(folder / "speech/audio.wav", rng.normal(0, 0.1, 154 * 640).astype(np.float32))
    return folder
