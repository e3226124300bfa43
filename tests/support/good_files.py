"""A small good file of every kind, to be spoilt."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.support.portraits import SPEECH, portrait
from tests.support.subject import (
    FRAMES,
    SIZE,
    subject_files,
    write_features,
    write_pictures,
    write_table,
)
from unigs.media.audio import write_wav
from unigs.model.storage import save_portrait
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder

Maker = Callable[[Path], None]


def good_files(folder: Path) -> Path:
    """A subject whose files fit each other, a tone of its length, and a portrait.

    Args:
        folder: folder to make.
    """
    rng = np.random.default_rng(0)
    files = subject_files(folder)
    pictures = rng.integers(0, 256, (FRAMES, SIZE, SIZE, 3), np.uint8)
    labels = np.ones((FRAMES, SIZE, SIZE), np.uint8)
    write_pictures(files, pictures, labels)
    write_table(files.frame_table, FRAMES)
    points = rng.uniform(16, 48, (FRAMES, 478, 3))
    window = SPEECH["window"], SPEECH["dim"]
    tone = 0.3 * np.sin(np.arange(FRAMES * 640) * 0.1)
    encoder = SpeechEncoder(SpeechSettings())
    encoder.fit(encoder.windows(encoder.columns(tone), FRAMES, 25.0))
    spoken = {"speech": rng.normal(size=(FRAMES, *window)), "encoder": encoder.to_dict()}
    write_features(files, FRAMES, points=points, **spoken)
    write_wav(folder / "tone.wav", tone)
    save_portrait(portrait(), folder / "portrait.safetensors")
    return folder


def text(name: str, content: str | bytes) -> Maker:
    """A file of that content."""

    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def link(name: str, target: str) -> Maker:
    """A symbolic link."""

    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)

    return make


def part(good: str, name: str, share: float) -> Maker:
    """The beginning of a good file."""

    def make(folder: Path) -> None:
        content = (folder / "good" / good).read_bytes()
        (folder / name).write_bytes(content[: int(share * len(content))])

    return make


def patched(good: str, name: str, at: int, content: bytes) -> Maker:
    """A good file with other bytes at one place; at negative places from its end."""

    def make(folder: Path) -> None:
        whole = bytearray((folder / "good" / good).read_bytes())
        at_ = at % len(whole)
        whole[at_ : at_ + len(content)] = content
        (folder / name).write_bytes(whole)

    return make


def arrays(good: str, name: str, **changed: Callable[[np.ndarray], object] | None) -> Maker:
    """A good .npz file with changed arrays; None leaves one out."""

    def make(folder: Path) -> None:
        data = dict(np.load(folder / "good" / good))
        new = {k: change(data[k]) for k, change in changed.items() if change}
        kept = {k: v for k, v in data.items() if k not in changed}
        np.savez(folder / name, **kept, **new)

    return make


def member(good: str, name: str, array: str, content: bytes, claimed: int | None = None) -> Maker:
    """A good .npz file with other bytes as one of its arrays.

    `claimed`: bytes that the archive says the array unpacks to.
    """

    def make(folder: Path) -> None:
        with (
            zipfile.ZipFile(folder / "good" / good) as source,
            zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as target,
        ):
            for entry in source.namelist():
                bad = entry == f"{array}.npy"
                target.writestr(entry, content if bad else source.read(entry))
                if bad and claimed:
                    target.infolist()[-1].file_size = claimed

    return make


def npy(shape: str) -> bytes:
    """An .npy file that claims a shape and holds nothing."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def png(width: int, height: int) -> bytes:
    """A PNG file that claims a size and holds almost nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tensors(header: dict, length: int | None = None) -> bytes:
    """A .safetensors file of a header and no tensors; `length`: bytes that it claims to have."""
    content = json.dumps(header).encode()
    return struct.pack("<Q", len(content) if length is None else length) + content


class _Touch:
    """What touches a file when a pickle of it is read."""

    def __reduce__(self) -> tuple:
        return open, ("pwned", "w")


PICKLE = pickle.dumps(_Touch())
"""A pickle that makes the file `pwned` in the working directory of whoever reads it."""
