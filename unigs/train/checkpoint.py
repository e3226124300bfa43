"""Progress of a training that survives a killed job."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from dataclasses import asdict, fields
from pathlib import Path

import torch

from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.subject.dataset import SubjectFiles

log = logging.getLogger("unigs")

EVERY_SECONDS = 60.0
"""Seconds between two checkpoints: a killed training loses at most this much."""
LAYOUT = 5
"""Version of the tasks' states. Increase it when a state holds something else, or when steps are
taken in another way: a training with an older checkpoint starts over."""


def key_of(settings: object, files: SubjectFiles, *others: Path) -> str:
    """Fingerprint of all that a training reads: another key's checkpoint is not resumed.

    Args:
        settings: settings of the stage, a dataclass.
        files: the subject's files; all that are named are read.
        others: further files that the stage reads.
    """
    named = [getattr(files, field.name) for field in fields(files)]
    paths = [path for path in (*named, *others) if path is not None]
    given = [path is not None for path in named]
    digest = hashlib.sha256(json.dumps([LAYOUT, asdict(settings), given], sort_keys=True).encode())
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def random_state() -> dict[str, torch.Tensor]:
    """State of torch's generators: of the CPU, and of the GPU if this process uses one."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, torch.Tensor]) -> None:
    """Restore a state from `random_state`; without a GPU the GPU's part is left out."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


class Checkpoint:
    """`last.ckpt` beside the result: a file unknown to Snakemake, so a failed job keeps it.

    Args:
        folder: folder of the result.
        key: fingerprint from `key_of`.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path, self.key = Path(folder) / "last.ckpt", key
        self.saved = time.monotonic()

    def due(self) -> bool:
        """Whether the last save is more than EVERY_SECONDS ago."""
        return time.monotonic() - self.saved > EVERY_SECONDS

    def save(self, state: dict) -> bool:
        """Replace the checkpoint as a whole; on a full disk keep the old one and say so.

        Returns:
            Whether the state was saved.
        """
        self.saved = time.monotonic()
        content = io.BytesIO()
        torch.save({"key": self.key, "state": state}, content)
        try:
            with atomic(self.path) as temporary:
                temporary.write_bytes(content.getbuffer())
        except UserError as error:
            log.warning("no new checkpoint: %s", error)
            return False
        return True

    def load(self) -> dict | None:
        """The state to resume from, or None if there is none of this key."""
        if not self.path.is_file():
            return None
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            key, state = saved["key"], saved["state"]
        # Whatever a damaged file makes its reader stumble over.
        except Exception as error:
            log.info("%s is damaged (%s): starting over", self.path, type(error).__name__)
            return None
        if key != self.key:
            log.info("%s belongs to other settings or inputs: starting over", self.path)
            return None
        log.info("resuming from %s at step %d", self.path, state["step"])
        return state

    def remove(self) -> None:
        """Forget the progress, after the result is written."""
        self.path.unlink(missing_ok=True)
