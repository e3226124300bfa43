"""Cues: inputs of the players that change from frame to frame of a performance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from unigs.model.anchor import Body
from unigs.model.portrait import Portrait
from unigs.stage.errors import UserError
from unigs.subject.performance import Performance


@dataclass(frozen=True)
class Cue:
    """One frame's numbers, on the portrait's device."""

    R: torch.Tensor
    """Rotation of the head pose [3,3]."""
    t: torch.Tensor
    """Translation of the head pose [3], meters."""
    torso: Body
    """The torso's frame."""
    bias: torch.Tensor | None = None
    """What the conditions add to the first layer of the deformation network [H]; None for a static
    portrait."""
    shapes: torch.Tensor | None = None
    """Coefficients of the blendshapes [S]; None for a static portrait."""
    behind: Cue | None = None
    """Numbers of the layer behind the field; None: those of this cue, or there is no such layer."""


@torch.no_grad()
def cues(portrait: Portrait, performance: Performance, lips: np.ndarray | None = None) -> list[Cue]:
    """The cues of all frames of a performance.

    All windows of speech go through the speech networks at once: for single windows the calls
    cost more time than the arithmetic. A static portrait takes neither speech nor eyes.

    Args:
        portrait: what is played.
        performance: what moves it.
        lips: lip shapes [T,lip_dim] (z-scored) of the front layer, in place of those that its
            speech network predicts; None: the predicted ones.

    Raises:
        UserError: speech or eyes are not what the portrait was trained with.
    """
    p = performance
    _check_drivers(portrait, p)
    body = (p.torso.R, p.torso.t, p.outline) if p.torso is not None else ()
    driven = (p.speech, p.eyes) if portrait.has_dynamics else ()
    R, t, *rest = _upload(portrait.device, p.head.R, p.head.t, *driven, *body)
    speech_and_eyes, track = rest[: len(driven)], rest[len(driven) :]
    count, torso = len(R), portrait.torso(Body(*track) if track else None)
    if torso.t.dim() == 1:  # at rest in all frames
        torso = Body(torso.R.expand(count, 3, 3), torso.t.expand(count, 3))
    bias = shapes = [None] * count
    if portrait.has_dynamics:
        motion, (speech, eyes) = portrait.motion, speech_and_eyes
        given = None if lips is None else torch.from_numpy(np.float32(lips)).to(R.device)
        heard = motion.hear(speech, given)
        conditions, shapes = motion.network_inputs(R, t, torso, heard, eyes)
        bias = motion.deformation.input_conditions(conditions)
    torsos = map(Body, torso.R, torso.t)
    behind = [None] * count if portrait.behind is None else cues(portrait.behind, performance)
    return [Cue(*row) for row in zip(R, t, torsos, bias, shapes, behind, strict=True)]


def _check_drivers(portrait: Portrait, performance: Performance) -> None:
    """Stop if what drives a portrait has other sizes than what it was trained with."""
    if not portrait.has_dynamics:
        return
    config, p = portrait.motion.config, performance
    speech = config["speech"] and (config["speech"]["window"], config["speech"]["dim"])
    eyes = None if p.eyes is None else p.eyes[:, : config["eyes"]]  # a smile counts for some
    for what, rows, size in (
        ("speech features", p.speech, speech),
        ("action units", eyes, (config["eyes"],)),
    ):
        found = None if rows is None else rows.shape[1:]
        if found != size and size not in (None, (0,)):
            raise UserError(
                f"the portrait was trained with {_sides(size)} {what} a frame, and the performance "
                f"has {_sides(found)}: take those of the clip that it was trained on."
            )


def _sides(size: tuple[int, ...] | None) -> str:
    return "none" if size is None else "x".join(map(str, size))


def _upload(device: torch.device, *numbers: np.ndarray) -> list[torch.Tensor]:
    """Tensors on the device, in one copy: a GPU waits for each."""
    arrays = [np.asarray(x, np.float32) for x in numbers]
    flat = torch.from_numpy(np.concatenate([x.ravel() for x in arrays]))
    parts = flat.to(device).split([x.size for x in arrays])
    return [part.view(x.shape) for part, x in zip(parts, arrays, strict=True)]
