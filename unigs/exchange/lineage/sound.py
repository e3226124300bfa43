"""Audio features and sound of a folder: whose are taken, and whether they are of these pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.exchange.lineage.layout import ANY_FEATURES, FEATURES, ROW_RATE
from unigs.exchange.lineage.rows import SLACK, check_rows
from unigs.media.audio import RATE, read_audio
from unigs.stage.errors import UserError
from unigs.subject.features import SpeechFeatures

QUIET_SHARE = 0.02
"""Share of the frames whose mean window stands for silence."""
SMALLEST = 1e-6
"""Deviation below which a number carries no information and is left as it is."""
REMEDY = "run the extractor anew on the sound of these pictures, or take --speech ours."


@dataclass(frozen=True)
class GivenFeatures:
    """Audio features of a folder."""

    path: Path
    """File that they are from."""
    kind: str
    """What made them."""
    windows: np.ndarray
    """A window [W,D] for each row, [rows,W,D], as it stands in the file."""


def find_features(folder: Path, chosen: Path | None = None) -> Path | None:
    """The file of audio features that a folder means; None where it has none.

    Args:
        folder: folder of the layout.
        chosen: file that is asked for; None: the one that is there.

    Raises:
        UserError: it is not there, or several are and nothing says which.
    """
    if chosen is not None:
        if not chosen.is_file():
            raise UserError(f"{chosen} does not exist: check the path of the audio features.")
        return chosen
    there = [folder / name for name in (*FEATURES, ANY_FEATURES) if (folder / name).is_file()]
    # The extractors write aud.npy, the loaders want aud_ds.npy: many folders have both, as copies.
    different = {path.read_bytes() for path in there} if len(there) > 1 else ()
    if len(different) > 1:
        names = " and ".join(path.name for path in there)
        raise UserError(
            f"{folder} holds {names}, which differ: say which is of these pictures "
            f"(--features {there[0]})."
        )
    return there[0] if there else None


def read_features(path: Path, pictures: int, where: Path, fps: float) -> GivenFeatures:
    """Read audio features without running code.

    Args:
        path: the .npy file.
        pictures: number of pictures.
        where: folder of the pictures, for messages.
        fps: pictures per second.

    Raises:
        UserError: it is no array of a known shape, or has not one window for each picture.
    """
    try:
        # Mapped, since a header may claim more rows than the file, and the memory, hold.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        numbers = isinstance(mapped, np.ndarray) and mapped.dtype.kind in "fiu"
    except (OSError, ValueError, EOFError):
        numbers = False
    if not numbers:
        raise UserError(f"{path} is no array of numbers (.npy): {REMEDY}")
    values = np.array(mapped)
    known = {shape: (name, kind) for name, (kind, shape) in FEATURES.items()}
    if values.ndim == 2 and (1, values.shape[1]) in known:
        values = values[:, None]
    shape = tuple(values.shape[1:])
    if shape not in known:
        raise UserError(_strange(path, values, known))
    if path.name in FEATURES and FEATURES[path.name][1] != shape:
        name, kind = known[shape]
        raise UserError(
            f"{path} holds {_product(shape)} numbers a frame, as {kind} gives them, and not "
            f"{_product(FEATURES[path.name][1])} as its name says: call it {name}."
        )
    check_rows(path, len(values), pictures, where, fps, SLACK, REMEDY)
    if not np.isfinite(values).all():
        raise UserError(f"{path} holds a number that is not finite: {REMEDY}")
    return GivenFeatures(path, known[shape][1], values)


def _strange(path: Path, values: np.ndarray, known: dict) -> str:
    """What to say of an array of no known shape."""
    shapes = ", ".join(f"N x {_product(shape)} ({kind})" for shape, (_, kind) in known.items())
    dims = {shape[1] for shape in known}
    if values.ndim == 2 and values.shape[1] in dims:
        what = "rows of a network's outputs, not yet cut into a window for each picture"
    elif values.ndim == 3 and tuple(values.shape[:0:-1]) in known:
        what = "windows that lie on their side, numbers before columns"
    else:
        what = "of a shape that no system of the lineage reads"
    return f"{path} is {_product(values.shape)}, {what}; expected {shapes}: {REMEDY}"


def _product(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def speech_file(
    given: GivenFeatures, rows: np.ndarray, train: np.ndarray, samples: np.ndarray | None
) -> SpeechFeatures:
    """features.npz of features that are taken as they are.

    Args:
        given: the features.
        rows: row of the features for each frame of the clip, int [T].
        train: training frames, over which they are normalized, bool [T].
        samples: sound of the clip [n] at RATE, which tells where it is silent; None: the windows
            that change least from column to column are taken for silence.
    """
    last = len(given.windows) - 1
    windows = given.windows[np.minimum(rows, last)].astype(np.float32)
    flat = windows[train].reshape(-1, windows.shape[-1]).astype(np.float64)
    mean, std = flat.mean(0), flat.std(0)
    std = np.where(std > SMALLEST, std, 1.0)
    normal = ((windows - mean) / std).astype(np.float32)
    if samples is None:
        liveliness = np.abs(np.diff(normal, axis=1)).mean((1, 2)) if normal.shape[1] > 1 else None
    else:
        parts = np.array_split(samples[: len(samples) // len(rows) * len(rows)], len(rows))
        liveliness = np.array([np.square(part).mean() for part in parts])
    count = max(1, round(QUIET_SHARE * len(normal)))
    order = np.argsort(liveliness, kind="stable")[:count] if liveliness is not None else None
    silence = normal[order].mean(0) if order is not None else np.zeros_like(normal[0])
    name = given.path.name
    return SpeechFeatures(
        normal,
        mean,
        std,
        f"{name} ({given.kind}), as given",
        ROW_RATE[windows.shape[1]],
        silence,
        0.0,
        json.dumps({"given": name}),
    )


def read_sound(path: Path, pictures: int, where: Path, fps: float) -> np.ndarray:
    """Sound of a folder, cut or padded to the length of its pictures.

    Args:
        path: file with sound.
        pictures: number of pictures.
        where: folder of the pictures, for messages.
        fps: pictures per second.

    Returns:
        float32 [n] at RATE.

    Raises:
        UserError: it has no sound, or lasts shorter or longer than the pictures.
    """
    samples = read_audio(path, RATE)
    remedy = "give the sound of these pictures (--audio), or their frame rate (--fps)."
    frames = round(len(samples) * fps / RATE)
    check_length(path, frames, len(samples) / RATE, pictures, where, fps, remedy)
    length = round(pictures * RATE / fps)
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def check_length(
    path: Path, frames: int, seconds: float, pictures: int, where: Path, fps: float, remedy: str
) -> None:
    """Refuse sound that is not as long as the pictures.

    Args:
        path: file of the sound, for the message.
        frames: its length in pictures.
        seconds: its length in seconds.
        pictures: number of pictures.
        where: folder of the pictures, for the message.
        fps: pictures per second.
        remedy: what to do, the end of the message.

    Raises:
        UserError: the lengths differ by more than SLACK pictures.
    """
    if abs(frames - pictures) > SLACK:
        raise UserError(
            f"{path} lasts {seconds:.2f} s, but {pictures} pictures in {where} at {fps:g} a second "
            f"last {pictures / fps:.2f} s (they would fit at {pictures / seconds:.4g} a second): "
            f"{remedy}"
        )
