"""A fresh deformation that fits a subject: boxes of the tri-planes, normalization, shapes."""

from __future__ import annotations

import numpy as np
import torch

from unigs.face.mesh import LIPS
from unigs.model.anchor import Body
from unigs.model.conditions import ZScore, body_vector, pose_vector
from unigs.model.gaussians import Gaussians
from unigs.model.kernels.deform_kernels import WIDTH_STEP
from unigs.model.motion import EYE_LIMIT, Motion
from unigs.model.portrait import Portrait
from unigs.settings.dynamic import DynamicSettings
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset
from unigs.subject.features import ACTION_UNITS, FACE_UNITS
from unigs.train.head_box import head_box

BOX_QUANTILE = 0.005
"""Share of the centers that lie outside of the tri-plane's box on each side, before its margin."""
BOX_MARGIN = 0.01
"""Distance by which the tri-plane's box is larger on each side, meters."""
FACE_MARGIN = 0.025
"""Distance by which the box of the face's tri-plane is larger than the face mesh on each side,
meters."""
FACE_FEATURES = 2
"""Features per vertex of the face's tri-plane."""
POSE_ONLY = {
    "speech": None,
    "lip_code": False,
    "eyes": 0,
    "blendshapes": False,
    "torso_spares_head": False,
}
"""What the configuration of a field says that neither speech nor eyes move."""


def new_motion(
    dataset: Dataset,
    frames: np.ndarray,
    portrait: Portrait,
    settings: DynamicSettings,
    lips: dict[str, str | int] | None = None,
    pose_only: bool = False,
) -> Motion:
    """Build the deformation; a fresh one moves nothing.

    Args:
        dataset: frames, with speech and eyes.
        frames: training frames, over which e and p are z-scored.
        portrait: portrait of the static stage.
        settings: settings of the dynamic stage.
        lips: arguments of `unigs.model.speech_net.SpeechNet` that say what predicts the lips, as
            `unigs.lips.regression.kind_of` gives them; None: networks.
        pose_only: pose and body alone move the field, neither speech nor eyes (a torso by itself).

    Raises:
        UserError: the settings name an unknown attribute to deform, a width that the kernels do
            not take, or a tri-plane whose finest level is coarser than its coarsest.
    """
    config = _config(dataset, settings, lips or {})
    if pose_only:
        config |= {**POSE_ONLY, "planes": config["planes"][:1]}
    try:
        motion = Motion(config)
    except ValueError as error:
        raise UserError(f"the settings of the deformation do not fit together: {error}.") from None
    low, high = data_box(portrait.gaussians.means.detach().cpu())
    _place(motion.planes[0], low, high)
    face = torch.from_numpy(dataset.poses.shape)
    if motion.torso_spares_head:
        low, high = head_box(dataset, frames)
        motion.head_low.copy_(low)
        motion.head_high.copy_(high)
    if len(motion.planes) > 1:
        _place(motion.planes[1], face.amin(0) - FACE_MARGIN, face.amax(0) + FACE_MARGIN)
    motion.mouth.copy_(torch.from_numpy(dataset.poses.shape[list(LIPS)].mean(0)))
    seen = dataset.performance[frames]
    head = torch.from_numpy(seen.head.R), torch.from_numpy(seen.head.t)
    motion.pose_norm = ZScore.of(pose_vector(*head))
    if seen.torso is not None:
        torso = seen.torso.R, seen.torso.t, seen.outline
        motion.body_norm = ZScore.of(body_vector(Body(*map(torch.from_numpy, torso))))
    if not pose_only:
        motion.eye_norm = ZScore.of(seen.eyes[:, : config["eyes"]], EYE_LIMIT)
    return motion


def face_first(portrait: Portrait) -> Gaussians:
    """The Gaussians of a portrait with motion, those that its face plane reaches first.

    The kernels pass over blocks of neighbors that it does not reach: a half of the field and more.
    Nothing else depends on the order, but for Gaussians of equal depth.
    """
    field = portrait.gaussians
    reach = portrait.motion.planes[-1].reach(field.means.detach())
    return field if reach is None else field.part(torch.argsort(reach <= 0, stable=True))


def data_box(means: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Corners of the box around the field's centers [N,3].

    The +-0.15 m of the systems that model only the head would cut off hair and shoulders.
    """
    low = means.quantile(BOX_QUANTILE, 0) - BOX_MARGIN
    return low, means.quantile(1 - BOX_QUANTILE, 0) + BOX_MARGIN


def _config(dataset: Dataset, s: DynamicSettings, lips: dict) -> dict:
    if s.hidden < WIDTH_STEP or s.hidden % WIDTH_STEP:
        raise UserError(f"hidden is {s.hidden}: choose a multiple of {WIDTH_STEP}.")
    planes = [
        {
            "n_levels": s.grid_levels,
            "features": s.grid_features,
            "base": s.grid_base,
            "finest": s.grid_finest,
            "log2_entries": s.grid_log2_entries,
        }
    ]
    if s.face_grid_levels:
        face = {"n_levels": s.face_grid_levels, "features": FACE_FEATURES, "fade": True}
        planes.append({**planes[0], **face, "finest": s.face_grid_finest})
    _, window, dim = dataset.performance.speech.shape
    return {
        "deform": s.deform,
        "hidden": s.hidden,
        "position_scale": s.position_scale,
        "other_scale": s.other_scale,
        "planes": planes,
        "speech": {
            "window": window,
            "dim": dim,
            "feature_dim": s.speech_dim,
            "lip_dim": s.lip_code,
            **lips,
        },
        "lip_code": bool(s.lip_code),
        "eyes": len(FACE_UNITS if s.smile else ACTION_UNITS),
        "pose_input": s.pose_input,
        "body_input": s.body_input,
        "blendshapes": s.blendshapes,
        "pose_blendshapes": s.pose_blendshapes,
        "body_blendshapes": s.body_blendshapes,
        "torso_spares_head": s.body_blendshapes,
    }


def _place(plane: torch.nn.Module, low: torch.Tensor, high: torch.Tensor) -> None:
    plane.low.copy_(low)
    plane.high.copy_(high)
