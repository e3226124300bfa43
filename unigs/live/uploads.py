"""Sound files that people send: decoded within limits, refused in a sentence."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from unigs.live.sound import SOUND_RATE
from unigs.live.utterance import LONGEST
from unigs.media import graphs
from unigs.stage.errors import UserError

MOST_MB = 50
"""Megabytes of a file."""
CONTAINERS = "wav,w64,aiff,caf,au,mp3,aac,flac,ogg,opus,mov,mp4,m4a,matroska,webm,amr,avi"
"""Formats that are read, as ffmpeg calls them."""
SECONDS = 20
"""Seconds after which decoding is given up."""
LOUDEST = 1e3
"""Largest sample that can be sound."""


def read_upload(path: Path, name: str) -> np.ndarray:
    """The sound of a file, float32 [n] at SOUND_RATE, mono.

    Args:
        path: where it lies.
        name: what its sender calls it, for messages.

    Raises:
        UserError: it holds no sound that can be read, or too much of it.
    """
    limits = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    graph = graphs.samples(path, SOUND_RATE, LONGEST + 1, **limits)
    command = graphs.command_of(graph)
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(f"{name} took too long to read: send it as WAV or MP3.") from None
    samples = np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], np.float32)
    if done.returncode or not len(samples):
        raise UserError(
            f"{name} holds no sound that can be read: send a WAV, MP3, OGG or MP4 file."
        )
    if not (np.abs(samples) <= LOUDEST).all():
        raise UserError(f"{name} is damaged, some of its samples are no sound: export it anew.")
    if len(samples) > LONGEST * SOUND_RATE:
        raise UserError(f"{name} lasts longer than {LONGEST} seconds: cut it into pieces.")
    return samples


def shown_name(name: str) -> str:
    """A file's name as messages show it: printable, without folders, not long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c for c in last if c.isprintable())[:80].strip()
    return plain or "the file"
