"""A small made-up portrait, and performances of a single frame."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from unigs.model.anchor import Body
from unigs.model.gaussians import Gaussians
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory
from unigs.train.poses import PoseTensors

SPEECH = {"window": 9, "dim": 5, "feature_dim": 6, "lip_dim": 2, "members": 3, "hidden": 4}


PLANE = {"n_levels": 3, "features": 2, "base": 4, "finest": 8, "log2_entries": 12}


CONFIG = {
    "deform": "position,scale,rotation,color,opacity",
    "hidden": 64,
    "position_scale": 0.01,
    "other_scale": 0.1,
    "planes": [PLANE, {**PLANE, "fade": True}],
    "speech": SPEECH,
    "lip_code": True,
    "eyes": 6,
    "pose_input": True,
    "body_input": False,
    "blendshapes": True,
    "pose_blendshapes": True,
    "body_blendshapes": True,
    "torso_spares_head": True,
}


def rotations(count: int, seed: int = 0, limit: float = 3.0) -> torch.Tensor:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    vectors *= np.linspace(1e-6, limit, count)[:, None] / np.linalg.norm(vectors, axis=1)[:, None]
    return torch.from_numpy(Rotation.from_rotvec(vectors).as_matrix()).float()


def field(count: int = 60, anchors: bool = True) -> Gaussians:
    torch.manual_seed(0)
    return Gaussians.from_points(
        torch.randn(count, 3) * 0.05,
        torch.full((count,), 0.01),
        torch.rand(count, 3),
        sh_degree=1,
        opacity=0.6,
        anchors=torch.linspace(-3, 3, count) if anchors else None,
    )


def portrait(motion: bool = True, **changes: object) -> Portrait:
    torch.manual_seed(1)
    plate = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    body = Body(torch.eye(3), torch.tensor([0.0, 0.0, 0.6]))
    made = Motion({**CONFIG, **changes}) if motion else None
    if made:
        for plane in made.planes:
            plane.low.fill_(-0.15)
            plane.high.fill_(0.15)
        made.head_low.fill_(-0.06)
        made.head_high.fill_(0.07)
    return Portrait(field(), plate, 96.0, 25.0, body, made, {"static": {"seconds": 3}})


POSE = rotations(1, seed=3, limit=0.2)[0], torch.tensor([0.01, 0.0, 0.58])


SPOKEN = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))


EYES = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


def one_frame(speech=SPOKEN, eyes=EYES, torso: Body | None = None) -> Performance:
    """The performance of a single frame at POSE."""

    def row(x):
        return None if x is None else x[None].numpy()

    track, arms = None, None
    if torso is not None:
        track, arms = AffineTrajectory(row(torso.R), row(torso.t)), row(torso.outline)
    return Performance(RigidTrajectory(*map(row, POSE)), track, arms, row(eyes), row(speech))


def moving_portrait() -> Portrait:
    """A portrait whose Gaussians move by centimeters, as they do when someone speaks."""
    made = portrait()
    torch.nn.init.normal_(made.motion.deformation.output.weight, std=0.5)
    torch.nn.init.normal_(made.motion.planes[0].tables, std=0.3)
    made.follows_body = True
    return made


def layered_portrait() -> Portrait:
    """A moving head before a torso of its own, which moves with its own pose and hears nothing."""
    made = moving_portrait()
    config = {**CONFIG, "planes": [PLANE], "speech": None, "lip_code": False, "eyes": 0,
              "torso_spares_head": False}  # fmt: skip
    motion = Motion({**config, "blendshapes": False})
    torch.nn.init.normal_(motion.deformation.output.weight, std=0.5)
    torch.nn.init.normal_(motion.planes[0].tables, std=0.3)
    motion.planes[0].low.fill_(-0.15)
    motion.planes[0].high.fill_(0.15)
    torso = field(40)
    with torch.no_grad():
        torso.means += torch.tensor([0.02, 0.04, 0.03])
        torso.colors.neg_()
    body = Body(made.body_R, made.body_t)
    made.behind = Portrait(
        torso, made.plate.numpy(), made.focal, made.fps, body, motion, follows_body=True
    )
    return made


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * np.log10(np.mean((a - b) ** 2))


def pictures(portrait: Portrait, poses: PoseTensors) -> list[np.ndarray]:
    """What a portrait shows in the poses of all frames, uint8 [H,W,3] each."""
    with torch.no_grad():
        views = [portrait.pose(*poses.head(k), body=poses.body(k)) for k in range(len(poses.R))]
        images = [portrait.render([view])[0].image for view in views]
    return [(image.clamp(0, 1) * 255).round().byte().numpy() for image in images]
