"""What a portrait's file must hold before anything uses it: its header, and every tensor's shape.

Portraits come from strangers, and the kernels that draw them check no bounds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import torch

from unigs.model.kernels.deform_kernels import WIDTH_STEP
from unigs.model.motion import Motion
from unigs.settings.dynamic import Attributes
from unigs.stage.bounds import Bounds, fault

Count = Annotated[int, Bounds(minimum=1, maximum=4096)]
"""Width or length of a network's input."""


@dataclass(frozen=True)
class PlaneHeader:
    """Constructor arguments of one `TriPlane` without its box."""

    n_levels: Annotated[int, Bounds(minimum=1, maximum=64)]
    features: Literal[1, 2, 4]
    base: Annotated[int, Bounds(minimum=1, maximum=4096)]
    finest: Annotated[int, Bounds(minimum=1, maximum=65536)]
    log2_entries: Annotated[int, Bounds(minimum=0, maximum=24)]
    fade: bool = False


@dataclass(frozen=True)
class SpeechHeader:
    """Constructor arguments of `SpeechNet`."""

    window: Count
    dim: Count
    feature_dim: Count = 32
    lip_dim: Annotated[int, Bounds(minimum=0, maximum=256)] = 2
    members: Annotated[int, Bounds(minimum=1, maximum=256)] = 12
    hidden: Count = 32
    lips: Literal["networks", "map", "closing map"] = "networks"


@dataclass(frozen=True)
class MotionHeader:
    """The configuration of `Motion`."""

    deform: Attributes
    hidden: Annotated[int, Bounds(minimum=WIDTH_STEP, maximum=4096, multiple_of=WIDTH_STEP)]
    position_scale: float
    other_scale: float
    planes: Annotated[list[PlaneHeader], Bounds(minimum=1, maximum=8)]
    speech: SpeechHeader | None
    lip_code: bool
    eyes: Annotated[int, Bounds(minimum=0, maximum=256)]
    pose_input: bool
    body_input: bool
    blendshapes: bool
    pose_blendshapes: bool
    body_blendshapes: bool = False
    """Absent in portraits of before 2026-11-29, in which every input pose drove blendshapes."""
    torso_spares_head: bool = False
    """Absent in portraits of before 2026-11-29, in which the torso's pose moved the head."""


@dataclass(frozen=True)
class BehindHeader:
    """What of the torso's portrait, behind that of the head, is neither a tensor nor shared."""

    motion: MotionHeader | None


@dataclass(frozen=True)
class Header:
    """Everything of a portrait that is no tensor."""

    format: int
    focal: Annotated[float, Bounds(above=0, maximum=1e6)]
    fps: Annotated[float, Bounds(minimum=1, maximum=1000)]
    follows_body: bool
    motion: MotionHeader | None
    meta: dict[str, dict]
    behind: BehindHeader | None = None


@dataclass(frozen=True)
class TensorRule:
    """Shape and type of a tensor."""

    shape: tuple[int | str, ...]
    """Sizes; a letter stands for a size of `SIZES` that is the same in all tensors."""
    dtype: torch.dtype = torch.float32
    optional: bool = False


SIZES = {
    "N": range(1, 10**7),
    "M": range(1, 10**7),
    "S": range(8, 2**14),
    "H": (3, 8, 15),
}
"""Allowed numbers of Gaussians (M: of the layer behind), sides of the plate in pixels, and
harmonics above degree 0."""
BEHIND = "behind."
"""What the names of the tensors of the layer behind begin with."""
TENSORS = {
    "gaussians.means": TensorRule(("N", 3)),
    "gaussians.log_scales": TensorRule(("N", 3)),
    "gaussians.quats": TensorRule(("N", 4)),
    "gaussians.opacities": TensorRule(("N",)),
    "gaussians.colors": TensorRule(("N", 3)),
    "gaussians.harmonics": TensorRule(("N", "H", 3), optional=True),
    "gaussians.anchors": TensorRule(("N",), optional=True),
    "plate": TensorRule(("S", "S", 3), torch.uint8),
    "body_R": TensorRule((3, 3)),
    "body_t": TensorRule((3,)),
}
"""Tensors of every portrait."""
LARGEST = 1e6
"""Largest absolute value in a tensor: no training gets there, and products of larger numbers leave
the range of float32."""
POSITIVE = re.compile(r"(behind\.)?motion\.\w+_norm\.std")
"""Names of the tensors that the portrait divides by."""


def header_fault(header: object) -> str | None:
    """The first fault of a header as read from JSON; None if there is none.

    Entries that this program does not know are passed over, as older programs did.
    """
    if isinstance(header, dict):
        header = {key: value for key, value in header.items() if key in Header.__annotations__}
    return fault(Header, header, "" if isinstance(header, dict) else "the header")


def shape_fault(tensors: Mapping[str, tuple[tuple, torch.dtype]], header: dict) -> str | None:
    """The first tensor that is missing, unknown or of another shape than header and others ask for.

    Args:
        tensors: shape and type of each tensor of the file.
        header: of the file, without faults.
    """
    try:
        rules = TENSORS | _motion_rules(header["motion"])
        if header.get("behind") is not None:
            rules |= _rules_behind(header["behind"])
    except ValueError as error:
        return f"motion does not fit together ({error})"
    wanted = {name for name, rule in rules.items() if not rule.optional}
    if missing := sorted(wanted - set(tensors)):
        return f"the tensor {missing[0]} is missing"
    if unknown := sorted(set(tensors) - set(rules)):
        return f"the tensor {unknown[0]:.60} is unknown"
    sizes: dict[str, int] = {}
    for name in (name for name in rules if name in tensors):
        shape, dtype = tensors[name]
        rule = rules[name]
        if dtype != rule.dtype or len(shape) != len(rule.shape):
            return (
                f"the tensor {name} is {_kind(dtype, shape)}, not {_kind(rule.dtype, rule.shape)}"
            )
        for size, side in zip(shape, rule.shape, strict=True):
            if isinstance(side, str) and size in SIZES[side]:
                sizes.setdefault(side, size)
        expected = tuple(sizes.get(side, side) for side in rule.shape)
        if shape != expected:
            return f"the tensor {name} has the shape {_sides(shape)}, not {_sides(expected)}"
    return None


def value_fault(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """The first tensor with numbers that no portrait can have; None if all are good."""
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            return f"the tensor {name} holds numbers that are not finite"
        if value.is_floating_point() and value.numel() and value.abs().max() > LARGEST:
            return f"the tensor {name} holds numbers beyond {LARGEST:g}"
        if POSITIVE.fullmatch(name) and not (value > 0).all():
            return f"the tensor {name} holds numbers that are not positive"
    for name, low in tensors.items():
        if name.endswith(".low") and name.removeprefix(BEHIND).startswith("motion.planes."):
            if not (low < tensors[name.removesuffix("low") + "high"]).all():
                return f"the box {name.removesuffix('.low')} is empty"
    return None


def checksum(tensors: Mapping[str, torch.Tensor], header: str) -> str:
    """SHA-256 over the text of the header and all tensors, on the CPU, by name."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _motion_rules(config: dict[str, Any] | None) -> dict[str, TensorRule]:
    """Shapes of the deformation's tensors, from a copy on the device that holds no memory."""
    if config is None:
        return {}
    with torch.device("meta"):
        state = Motion(config).state_dict()
    return {f"motion.{name}": TensorRule(tuple(x.shape)) for name, x in state.items()}


def _rules_behind(header: dict[str, Any]) -> dict[str, TensorRule]:
    """Rules of the layer behind: it has a number of Gaussians of its own, and shares the plate."""
    return {
        BEHIND + name: replace(rule, shape=tuple("M" if x == "N" else x for x in rule.shape))
        for name, rule in (TENSORS | _motion_rules(header["motion"])).items()
        if name != "plate"
    }


def _kind(dtype: torch.dtype, shape: tuple) -> str:
    return f"{str(dtype).removeprefix('torch.')} {_sides(shape)}"


def _sides(shape: tuple) -> str:
    return f"[{', '.join(map(str, shape))}]"
