"""The anchor: one learned weight per Gaussian between the head's frame and the body's frame.

Not in the paper. The head is the world, so a point of the torso that rests must move by several
centimetres in it whenever the head turns; a plain MLP learns a fraction of that on a short clip.
One weight keeps the field unified, needs no segmentation and stays soft where hair lies on the
shoulder: x' = x + sigmoid(w) (T_head^-1 T_body x - x).
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Body:
    """The body's frame: camera = R x + t for a point x that is fixed to the torso.

    R [3,3], t [3] metres. At rest this is the mean head pose of the training frames. A tracked R
    is a rotation times a small affine map of the image plane: a turning torso looks narrower.
    outline [2]: how far the arms stand out to the picture's left and right of where R and t put
    them, metres; None: not at all. It moves no anchor; the deformation hears of it.
    """

    R: torch.Tensor
    t: torch.Tensor
    outline: torch.Tensor | None = None


def mean_pose(R: torch.Tensor, t: torch.Tensor) -> Body:
    """Mean of poses [T,3,3], [T,3]: chordal mean of the rotations (by SVD), mean of t."""
    u, _, vh = torch.linalg.svd(R.double().mean(0))
    sign = torch.ones(3, dtype=torch.float64, device=R.device)
    sign[2] = torch.det(u @ vh)
    return Body(R=((u * sign) @ vh).float(), t=t.mean(0))


def quaternion(R: torch.Tensor) -> torch.Tensor:
    """Unit quaternion wxyz [4] of a rotation [3,3] of less than 180 degrees."""
    w = (1 + R.diagonal().sum()).clamp(min=1e-8).sqrt() / 2
    axis = torch.stack([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    return torch.cat([w[None], axis / (4 * w)])


def quaternion_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A b for wxyz quaternions [4] and [N,4]: first turn by b, then by a."""
    w, x, y, z = a
    matrix = torch.stack(
        [
            torch.stack([w, -x, -y, -z]),
            torch.stack([x, w, -z, y]),
            torch.stack([y, z, w, -x]),
            torch.stack([z, -y, x, w]),
        ]
    )
    return b @ matrix.T


def anchored(
    means: torch.Tensor,
    quats: torch.Tensor,
    weights: torch.Tensor,
    R: torch.Tensor,
    t: torch.Tensor,
    body: Body,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres and rotations after the anchor.

    Args:
        means: canonical centres [N,3], metres, head frame.
        quats: rotations wxyz [N,4].
        weights: sigmoid(w) [N]: 0 follows the head, 1 follows the body.
        R, t: head pose of the frame, x_cam = R x + t.
        body: the body's frame.

    Returns:
        Centres [N,3] and rotations [N,4] (not normalised) in the head's frame.
    """
    relative = R.T @ body.R
    resting = means @ relative.T + R.T @ (body.t - t)
    turned = quaternion_product(quaternion(relative), quats)
    weights = weights[:, None]
    return means + weights * (resting - means), quats + weights * (turned - quats)
