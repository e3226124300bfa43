"""Portraits on disk: one safetensors file with all that playing needs, and no code in it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from unigs.model.anchor import Body
from unigs.model.gaussians import Gaussians
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.stage.errors import UserError
from unigs.stage.files import atomic

__all__ = ["load_portrait", "save_portrait"]

FORMAT = 1
"""File version. Increase it when older programs cannot read new files."""


def save_portrait(portrait: Portrait, path: Path) -> None:
    """Write a portrait: its tensors, and as metadata one JSON text with everything else."""
    header = {
        "format": FORMAT,
        "focal": portrait.focal,
        "fps": portrait.fps,
        "follows_body": portrait.follows_body,
        "motion": portrait.motion.config if portrait.motion else None,
        "meta": portrait.meta,
    }
    tensors = {name: v.detach().cpu().contiguous() for name, v in portrait.state_dict().items()}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={"unigs": json.dumps(header)})


def load_portrait(path: Path, device: torch.device | str = "cpu") -> Portrait:
    """Read a portrait that `save_portrait` wrote, on any device.

    Raises:
        UserError: the file is missing, no portrait, or of a newer format.
    """
    tensors, header = _read(Path(path))
    if header.get("format") != FORMAT:
        raise UserError(
            f"{path} has format {header.get('format')}, this program reads {FORMAT}: "
            "train it again or use the program that wrote it."
        )
    fields = {
        name.removeprefix("gaussians."): value
        for name, value in tensors.items()
        if name.startswith("gaussians.")
    }
    portrait = Portrait(
        Gaussians(**fields),
        tensors["plate"].numpy(),
        header["focal"],
        header["fps"],
        Body(tensors["body_R"], tensors["body_t"]),
        Motion(header["motion"]) if header["motion"] else None,
        header["meta"],
        header["follows_body"],
    )
    try:
        portrait.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"{path} does not fit its own description ({error}): train it again."
        ) from None
    return portrait.to(device).requires_grad_(False).eval()


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    if not path.is_file():
        raise UserError(f"{path} does not exist: train the portrait first.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(
                metadata["unigs"]
            )
    except (SafetensorError, KeyError, json.JSONDecodeError):
        raise UserError(f"{path} is no UniGS portrait: train it again.") from None
