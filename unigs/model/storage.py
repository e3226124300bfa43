"""Portraits on disk: one safetensors file with all that playing needs, and no code in it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from unigs.model.anchor import Body
from unigs.model.gaussians import Gaussians
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.model.portrait_file import BEHIND, checksum, header_fault, shape_fault, value_fault
from unigs.stage.errors import UserError
from unigs.stage.files import atomic

__all__ = ["load_portrait", "save_portrait"]

FORMAT = 1
"""File version. Increase it when older programs cannot read new files."""
PLATE_BEHIND = f"{BEHIND}plate"
"""Name of the plate of the layer behind, which is that of the layer before it."""
DTYPES = {"F32": torch.float32, "U8": torch.uint8}
"""Types of the tensors of a portrait, by their names in the file."""


def save_portrait(portrait: Portrait, path: Path) -> None:
    """Write a portrait: its tensors, and as metadata one JSON text with everything else.

    Equal portraits give equal files. The checksum in the text covers tensors and text; a file
    without one is read as well.
    """
    header = {
        "format": FORMAT,
        "focal": portrait.focal,
        "fps": portrait.fps,
        "follows_body": portrait.follows_body,
        "motion": _config(portrait),
        "meta": portrait.meta,
    }
    if portrait.behind is not None:
        header["behind"] = {"motion": _config(portrait.behind)}
    tensors = {name: v.detach().cpu().contiguous() for name, v in portrait.state_dict().items()}
    tensors.pop(PLATE_BEHIND, None)
    digest = checksum(tensors, json.dumps(header, allow_nan=False))
    text = json.dumps({**header, "checksum": digest}, allow_nan=False)
    with atomic(path) as temporary:
        # Not by safetensors itself, whose errors do not tell a full disk from others.
        temporary.write_bytes(save(tensors, metadata={"unigs": text}))


def load_portrait(path: Path, device: torch.device | str = "cpu") -> Portrait:
    """Read a portrait that `save_portrait` wrote, on any device.

    Raises:
        UserError: the file is missing, no portrait, of another format, damaged, or holds what no
            portrait can hold.
    """
    tensors, header = _read(Path(path))
    behind = header.get("behind")
    if behind is not None:
        tensors[PLATE_BEHIND] = tensors["plate"]
        behind = _layer({**header, "meta": {}}, behind["motion"], tensors, prefix=BEHIND)
    portrait = _layer(header, header["motion"], tensors, behind)
    portrait.load_state_dict(tensors)
    return portrait.to(device).requires_grad_(False).eval()


def _layer(
    header: dict,
    motion: dict | None,
    tensors: dict[str, torch.Tensor],
    behind: Portrait | None = None,
    prefix: str = "",
) -> Portrait:
    """One layer of a portrait, with the shapes of its tensors but not yet with all their values."""
    start = f"{prefix}gaussians."
    fields = {
        name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)
    }
    return Portrait(
        Gaussians(**fields),
        tensors[f"{prefix}plate"].numpy(),
        header["focal"],
        header["fps"],
        Body(tensors[f"{prefix}body_R"], tensors[f"{prefix}body_t"]),
        Motion(motion) if motion else None,
        header["meta"],
        header["follows_body"],
        behind,
    )


def _config(portrait: Portrait) -> dict | None:
    return portrait.motion.config if portrait.motion else None


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors and header of a file, checked: nothing in it can lead the kernels astray."""
    if not path.is_file():
        raise UserError(f"{path} does not exist: train the portrait first.")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["unigs"])
            _check_header(path, header)
            parts = {name: file.get_slice(name) for name in file.keys()}
            shapes = {
                name: (tuple(part.get_shape()), DTYPES.get(part.get_dtype(), part.get_dtype()))
                for name, part in parts.items()
            }
            _refuse(path, shape_fault(shapes, header))
            tensors = {name: file.get_tensor(name) for name in parts}
    # ValueError: no JSON; RecursionError: JSON that is nested without end.
    except (SafetensorError, KeyError, ValueError, RecursionError):
        raise UserError(f"{path} is no UniGS portrait: train it again.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): look at the file.") from None
    wanted = header.pop("checksum", None)
    if wanted is not None and wanted != checksum(tensors, json.dumps(header)):
        raise UserError(
            f"{path} is not as it was written (its checksum differs): copy it anew from where you "
            "have it, or train it again."
        )
    _refuse(path, value_fault(tensors))
    return tensors, header


def _check_header(path: Path, header: object) -> None:
    version = header.get("format") if isinstance(header, dict) else FORMAT
    if version != FORMAT:
        raise UserError(
            f"{path} has format {version!s:.20}, this program reads {FORMAT}: "
            "train it again or use the program that wrote it."
        )
    _refuse(path, header_fault(header))


def _refuse(path: Path, fault: str | None) -> None:
    if fault:
        raise UserError(
            f"{path} is damaged or no portrait ({fault}): get it anew or train it again."
        )
