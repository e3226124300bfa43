"""Head poses refined through the rasterizer, in the middle of the static stage (ours).

Landmarks jitter, and a smile displaces them; the field, learned from all frames, is steadier. Each
frame's pose is corrected until the field fits the picture, but only inside the head: over the whole
picture the head's pose would absorb the torso's motion.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from unigs.face.mesh import CHIN
from unigs.geometry.rotations import rotation_matrix
from unigs.model.portrait import Portrait
from unigs.playback.cues import Cue
from unigs.subject.dataset import Dataset
from unigs.subject.labels import FACE, HAIR
from unigs.train.pose_fit import PoseFit
from unigs.train.poses import PoseTensors


def refine_poses(portrait: Portrait, dataset: Dataset, poses: PoseTensors) -> None:
    """Refine all kept frames' head poses in place.

    Args:
        portrait: portrait in training; not changed.
        dataset: frames, labels and landmarks.
        poses: poses to refine; none is refined after an interrupt.

    Raises:
        Interrupted: the process was asked to stop.
    """
    found = HeadFit(portrait, dataset, poses).corrections()
    change = torch.from_numpy(found).float().to(poses.R.device)
    poses.R = rotation_matrix(change[:, :3]) @ poses.R
    poses.t = poses.t + change[:, 3:]


class HeadFit(PoseFit):
    """Corrections of the head poses: a turn of the head about its own origin, and a shift."""

    what = "poses"
    limit = 20.0
    """Some five pixels: landmarks are never wrong by more."""

    def compared(self, frame: int) -> np.ndarray:
        """Face, and hair above the chin, bool [H,W]."""
        data = self.dataset
        labels = np.array(data.labels[frame])
        chin = np.nan_to_num(data.landmarks.points[frame, CHIN, 1], nan=data.size)
        below = np.arange(data.size)[:, None] > chin
        return (labels == FACE) | ((labels == HAIR) & ~below)

    def cue(self, frame: int, correction: np.ndarray) -> Cue:
        """The frame with a corrected head, correction [6] in radians and meters."""
        R = Rotation.from_rotvec(correction[:3]).as_matrix() @ self.R[frame]
        t = self.t[frame] + correction[3:]
        return Cue(torch.from_numpy(R), torch.from_numpy(t), self.body[frame])
