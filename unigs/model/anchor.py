"""The anchor: one learned weight per Gaussian between the head's frame and the body's frame.

Not in the paper. The head is the world, so a point of the torso that rests must move by several
centimeters in it whenever the head turns; a plain MLP learns a fraction of that on a short clip.
One weight keeps the field unified, needs no segmentation and stays soft where hair lies on the
shoulder: x' = x + sigmoid(w) (T_head^-1 T_body x - x).
"""

from dataclasses import dataclass

import torch

from unigs.geometry.rotations import mean_rotation, quaternion, quaternion_product


@dataclass(frozen=True)
class Body:
    """The body's frame: camera = R x + t for a point x that is fixed to the torso.

    At rest it is the mean head pose of the training frames.
    """

    R: torch.Tensor
    """Rotation [3,3]; of a tracked torso, times a small affine map of the image plane: a turning
    torso looks narrower."""
    t: torch.Tensor
    """Translation [3], meters."""
    outline: torch.Tensor | None = None
    """How far the arms stand out to the picture's left and right of where R and t put them [2],
    meters; None: not at all. It moves no anchor; it is an input of the deformation."""


def mean_pose(R: torch.Tensor, t: torch.Tensor) -> Body:
    """Mean of poses [T,3,3], [T,3]: chordal mean of the rotations, mean of t."""
    return Body(mean_rotation(R), t.mean(0))


def anchored(
    means: torch.Tensor,
    quats: torch.Tensor,
    weights: torch.Tensor,
    R: torch.Tensor,
    t: torch.Tensor,
    body: Body,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centers and rotations after the anchor.

    Args:
        means: canonical centers [N,3], meters, head frame.
        quats: rotations wxyz [N,4].
        weights: sigmoid(w) [N]: 0 follows the head, 1 follows the body.
        R: rotation of the frame's head pose [3,3], x_cam = R x + t.
        t: translation of the frame's head pose [3], meters.
        body: the body's frame.

    Returns:
        Centers [N,3] and rotations [N,4] (not normalized) in the head's frame.
    """
    relative = R.T @ body.R
    resting = means @ relative.T + R.T @ (body.t - t)
    turned = quaternion_product(quaternion(relative), quats)
    weights = weights[:, None]
    return means + weights * (resting - means), quats + weights * (turned - quats)
