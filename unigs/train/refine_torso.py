"""The torso's motion refined through the rasterizer, in the middle of the static stage (ours).

Registration in the image plane (`unigs.prepare.body.track`) sees shift and turn of the chest, but
not that it turns about its own axis or leans toward the camera, and nothing at all where hair
covers most of it. Each frame's motion is corrected until the field fits the picture inside the
torso, with the six numbers of a rigid motion.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from unigs.geometry.rotations import rotation_matrix
from unigs.model.anchor import Body
from unigs.model.portrait import Portrait
from unigs.playback.cues import Cue
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset
from unigs.subject.labels import TORSO
from unigs.train.pose_fit import PoseFit
from unigs.train.poses import PoseTensors


def moves_torso(settings: StaticSettings) -> bool:
    """Whether a training refines the torso's motion: that of a field which follows it."""
    s = settings
    return bool(s.refine_poses_at and s.refine_torso and s.anchor and s.follow_body)


def refine_torso(portrait: Portrait, dataset: Dataset, poses: PoseTensors) -> None:
    """Refine the torso's frame of all kept frames in place.

    Args:
        portrait: portrait in training, with anchors, that follows the torso; not changed.
        dataset: frames and labels.
        poses: poses to refine, of a tracked torso; none is refined after an interrupt.

    Raises:
        Interrupted: the process was asked to stop.
    """
    torso = poses.torso
    fit = TorsoFit(portrait, dataset, poses)
    change = torch.from_numpy(fit.corrections()).float().to(torso.t.device)
    pivot = fit.pivot.to(torso.t)
    R, t = moved(torso, rotation_matrix(change[:, :3]), change[:, 3:], pivot)
    poses.torso = Body(R, t, torso.outline)


def moved(
    body: Body, turn: torch.Tensor, shift: torch.Tensor, pivot: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A body's frame after a turn about a point of the torso, and a shift.

    Args:
        body: frame of the body, camera = R x + t.
        turn: rotation [...,3,3] in the camera's axes.
        shift: [...,3] in the camera's axes, meters.
        pivot: the point x about which it turns [3], meters.

    Returns:
        R [...,3,3] and t [...,3].
    """
    R = turn @ body.R
    place = body.R @ pivot + body.t
    return R, place + shift - R @ pivot


class TorsoFit(PoseFit):
    """Corrections of the torso's frames: a turn about the middle of what follows it, a shift."""

    what = "torso"
    limit = 80.0
    """Five degrees, or two to eight centimeters: the registration knows no turn about the axis."""

    def __init__(self, portrait: Portrait, dataset: Dataset, poses: PoseTensors) -> None:
        super().__init__(portrait, dataset, poses)
        fields = [layer.gaussians for layer in portrait.layers]
        weights = torch.cat([field.anchors.detach().sigmoid() for field in fields])[:, None]
        means = torch.cat([field.means.detach() for field in fields])
        self.pivot = ((weights * means).sum(0) / weights.sum()).cpu().double()

    def compared(self, frame: int) -> np.ndarray:
        """The torso, bool [H,W]."""
        return np.array(self.dataset.labels[frame]) == TORSO

    def cue(self, frame: int, correction: np.ndarray) -> Cue:
        """The frame with a corrected torso, correction [6] in radians and meters."""
        body = Body(*(x.double() for x in (self.body[frame].R, self.body[frame].t)))
        turn = torch.from_numpy(Rotation.from_rotvec(correction[:3]).as_matrix())
        torso = Body(*moved(body, turn, torch.from_numpy(correction[3:]), self.pivot))
        return Cue(torch.from_numpy(self.R[frame]), torch.from_numpy(self.t[frame]), torso)
