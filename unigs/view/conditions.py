"""Conditions of a frame as numbers that people know, and a frame with some of them changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from unigs.subject.features import FACE_UNITS
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory

LIPS = ("opening", "width")
"""Names of the first numbers of the lip code; more are numbered."""
TURNS, SHIFTS = ("turn", "nod", "tilt"), ("x", "y", "z")
"""Names of the angles (degrees; about the axes down, right, forward) and of the shifts."""
ARMS = ("left", "right")
"""Sides of the picture to which the arms stand out."""
CENTIMETERS = 100.0
STEP = 0.01
"""Smallest change of a number, in its unit; ranges end at multiples of it."""


@dataclass(frozen=True)
class Control:
    """A number of a frame that people can change."""

    group: str
    """What it belongs to: lips, eyes, head or torso."""
    name: str
    """Its name in the group."""
    unit: str
    """Its unit; empty: none."""
    low: float
    """Smallest value that the clip shows, rounded down to `STEP`."""
    high: float
    """Largest value that the clip shows, rounded up to `STEP`."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is called in `numbers_of` and `changed`."""
        return self.group, self.name


Numbers = dict[tuple[str, str], np.ndarray]
"""Values [T] by group and name."""


def numbers_of(performance: Performance, lips: np.ndarray | None) -> Numbers:
    """All numbers of T frames.

    Args:
        performance: of T frames; those without a pose give NaN.
        lips: lip codes [T,L], z-scored; None: the portrait has none.
    """
    p = performance
    lip_names = [*LIPS, *(f"shape {k + 1}" for k in range(8))]
    found = {} if lips is None else _named("lips", lip_names[: lips.shape[1]], lips)
    if p.eyes is not None:
        found |= _named("eyes", FACE_UNITS, p.eyes)
    found |= _named("head", TURNS, _angles(p.head.R))
    found |= _named("head", SHIFTS, p.head.t * CENTIMETERS)
    if p.torso is not None:
        found["torso", "tilt"] = _plane_angle(p.torso.R)
        found |= _named("torso", SHIFTS, p.torso.t * CENTIMETERS)
    if p.outline is not None:
        found |= _named("torso", [f"{side} arm" for side in ARMS], p.outline * CENTIMETERS)
    return found


def controls_of(numbers: Numbers, usable: np.ndarray) -> list[Control]:
    """The numbers that move in a clip, with the range in which they do.

    Args:
        numbers: of T frames, from `numbers_of`.
        usable: frames that count, bool [T], at least one.
    """
    made = []
    for (group, name), values in numbers.items():
        low, high = float(values[usable].min()), float(values[usable].max())
        if high - low > STEP:
            low, high = math.floor(low / STEP) * STEP, math.ceil(high / STEP) * STEP
            low, high = round(low, 2), round(high, 2)
            made.append(Control(group, name, _unit(group, name), low, high))
    return made


def changed(
    performance: Performance, lips: np.ndarray | None, held: Mapping[tuple[str, str], float]
) -> tuple[Performance, np.ndarray | None]:
    """A frame with some of its numbers changed, and all others as they are.

    Args:
        performance: of a single frame.
        lips: its lip code [1,L], or None.
        held: new values by group and name.

    Returns:
        Performance of the frame, and its lip code.
    """
    if not held:
        return performance, lips
    p, own = performance, numbers_of(performance, lips)
    new = {key: np.array([held.get(key, values[0])], np.float64) for key, values in own.items()}
    touched = {key for key in held if key in own}
    groups = {group for group, _ in touched}
    if "lips" in groups:
        lips = _column(new, "lips").astype(np.float32)
    if "eyes" in groups:
        p = replace(p, eyes=_column(new, "eyes").astype(np.float32))
    if "head" in groups:
        turned = any(("head", name) in touched for name in TURNS)
        R = _rotations(_column(new, "head", TURNS)) if turned else p.head.R
        t = _shifted(p.head.t, new, "head", touched)
        p = replace(p, head=RigidTrajectory(R.astype(np.float32), t))
    if "torso" in groups:
        R = p.torso.R
        if ("torso", "tilt") in touched:
            R = _about_forward(new["torso", "tilt"] - own["torso", "tilt"]) @ R
        t = _shifted(p.torso.t, new, "torso", touched)
        p = replace(p, torso=AffineTrajectory(R.astype(np.float32), t))
        if p.outline is not None:
            arms = _column(new, "torso", [f"{side} arm" for side in ARMS]) / CENTIMETERS
            p = replace(p, outline=arms.astype(np.float32))
    return p, lips


def _named(group: str, names: object, values: np.ndarray) -> Numbers:
    """The columns of values [T,K] by their K names."""
    columns = zip(names, values.T, strict=True)
    return {(group, name): np.float64(column) for name, column in columns}


def _column(numbers: Numbers, group: str, names: object = None) -> np.ndarray:
    """Values [1,K] of a group, of some of its names or of all."""
    chosen = [key for key in numbers if key[0] == group and (names is None or key[1] in names)]
    return np.stack([numbers[key] for key in chosen], 1)


def _shifted(t: np.ndarray, new: Numbers, group: str, touched: set) -> np.ndarray:
    """Translation [1,3] in meters with the changed axes replaced, float32."""
    out = np.array(t, np.float32)
    for axis, name in enumerate(SHIFTS):
        if (group, name) in touched:
            out[:, axis] = new[group, name] / CENTIMETERS
    return out


def _angles(R: np.ndarray) -> np.ndarray:
    """Degrees [T,3] of rotations about the axes down, right and forward, in this order."""
    from scipy.spatial.transform import Rotation

    out = np.full((len(R), 3), np.nan)
    known = np.isfinite(R).all((1, 2))
    if known.any():
        out[known] = Rotation.from_matrix(R[known]).as_euler("YXZ", degrees=True)
    return out


def _rotations(degrees: np.ndarray) -> np.ndarray:
    """Rotations [T,3,3] of `_angles`."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("YXZ", degrees, degrees=True).as_matrix()


def _plane_angle(R: np.ndarray) -> np.ndarray:
    """Degrees [T] by which the torso's matrices turn the image plane.

    They are a rotation times a small affine map; this is the angle of the nearest rotation of the
    plane, to which a further turn of the plane is simply added.
    """
    return np.degrees(np.arctan2(R[:, 1, 0] - R[:, 0, 1], R[:, 0, 0] + R[:, 1, 1]))


def _about_forward(degrees: np.ndarray) -> np.ndarray:
    """Rotations [T,3,3] about the camera's axis."""
    zeros = np.zeros_like(degrees)
    return _rotations(np.stack([zeros, zeros, degrees], 1))


def _unit(group: str, name: str) -> str:
    if group == "lips":
        return "std"
    if group == "eyes":
        return "0-5"
    return "°" if name in TURNS else "cm"
