"""Compile the CPU kernels once, so that no training or playback waits for the compiler.

Numba compiles a kernel at its first call and keeps the machine code beside the source (or in
NUMBA_CACHE_DIR), for this processor. `make setup` ends with this command.
"""

from __future__ import annotations

import logging

import numpy as np
import torch

from unigs.compute.compiled import mark_compiled
from unigs.model.anchor import Body
from unigs.model.deltas import ATTRIBUTES
from unigs.model.gaussians import Gaussians
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.playback.play import Playback
from unigs.stage import cli
from unigs.subject.features import ACTION_UNITS
from unigs.subject.performance import Performance
from unigs.subject.trajectory import RigidTrajectory
from unigs.train.losses import alpha_loss, d_ssim, l1

log = logging.getLogger("unigs")

COUNT, SIZE, WINDOW = 64, 32, 9
"""Gaussians, pixels along a side, and columns of a speech window of the tiny portrait."""
PLANE_CONFIG = {"n_levels": 1, "features": 2, "base": 4, "finest": 4, "log2_entries": 8}
MOTION_CONFIG = {
    "deform": ",".join(ATTRIBUTES),
    "hidden": 64,
    "position_scale": 0.01,
    "other_scale": 0.1,
    "planes": [PLANE_CONFIG, {**PLANE_CONFIG, "fade": True}],
    "speech": {"window": WINDOW, "dim": 4, "feature_dim": 2, "lip_dim": 2},
    "lip_code": True,
    "eyes": len(ACTION_UNITS),
    "pose_input": True,
    "body_input": False,
    "blendshapes": True,
    "pose_blendshapes": True,
    "body_blendshapes": True,
    "torso_spares_head": True,
}
"""Configuration of `Motion` with everything that `unigs_plus` adds."""
PAPER_CONFIG = {
    "planes": [PLANE_CONFIG],
    "blendshapes": False,
    "pose_blendshapes": False,
    "body_blendshapes": False,
    "torso_spares_head": False,
}
"""Entries that differ in the paper's deformation."""


def compile_kernels() -> None:
    """Train and play a tiny random portrait for one frame: that calls every kernel."""
    # The deformation's kernels are compiled for each number of planes: the paper's one, and two
    # with a plane for the face.
    for motion in ({**MOTION_CONFIG, **PAPER_CONFIG}, MOTION_CONFIG):
        _train_and_play(motion)
    mark_compiled()
    log.info("the CPU kernels are compiled")


def _train_and_play(motion: dict) -> None:
    """One step's kernels and one frame's, with the deformation of a configuration."""
    generator = torch.Generator().manual_seed(0)
    field = Gaussians.from_points(
        0.05 * torch.randn(COUNT, 3, generator=generator),
        torch.full((COUNT,), 0.01),
        torch.rand(COUNT, 3, generator=generator),
        sh_degree=1,
        anchors=torch.zeros(COUNT),
    )
    body = Body(torch.eye(3), torch.tensor([0.0, 0.0, 0.6]))
    plate = np.zeros((SIZE, SIZE, 3), np.uint8)
    portrait = Portrait(field, plate, 2.0 * SIZE, 25.0, body, Motion(motion))
    speech, eyes = torch.zeros(WINDOW, 4), torch.zeros(len(ACTION_UNITS))
    heard = portrait.motion.hear(speech[None])[0]
    shown = portrait(body.R, body.t, heard, eyes)
    image, truth, person = shown.image, torch.zeros(SIZE, SIZE, 3), torch.ones(SIZE, SIZE).bool()
    (l1(image, truth) + d_ssim(image, truth) + alpha_loss(shown.alpha, person)).backward()
    d_ssim(image.detach(), truth)
    head = RigidTrajectory(body.R[None].numpy(), body.t[None].numpy())
    frame = Performance(head, eyes=eyes[None].numpy(), speech=speech[None].numpy())
    Playback(portrait).frame(frame, 0)


if __name__ == "__main__":
    cli.run(compile_kernels)
