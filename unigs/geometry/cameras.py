"""Pinhole cameras in OpenCV axes: x right, y down, z forward; ``x_cam = R x + t``."""

import torch
from torch import Tensor

__all__ = ["intrinsics", "project", "view_matrix"]


def intrinsics(focal: float, size: int | tuple[int, int]) -> Tensor:
    """Return the camera matrix K [3,3] of square pixels with the principal point at the center.

    Args:
        focal: focal length in pixels.
        size: side of a square image, or (width, height), in pixels.
    """
    width, height = (size, size) if isinstance(size, int) else size
    return torch.tensor(
        [[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]], dtype=torch.float32
    )


def view_matrix(R: Tensor, t: Tensor) -> Tensor:
    """Return the world-to-camera matrix [4,4] of ``x_cam = R x + t`` (differentiable in both).

    Args:
        R: rotation [3,3].
        t: translation [3] in meters.
    """
    top = torch.cat([R, t.reshape(3, 1)], dim=1)
    # Made where R is: a copy from the CPU would make a GPU wait in every frame.
    bottom = R.new_zeros(1, 4)
    bottom[0, 3] = 1
    return torch.cat([top, bottom], dim=0)


def project(points: Tensor, R: Tensor, t: Tensor, K: Tensor) -> Tensor:
    """Project world points [...,3] to pixels [...,2]; the first pixel's center is (0.5, 0.5).

    Points at or behind the camera plane give coordinates without meaning; check their depth.
    """
    camera = points @ R.transpose(-1, -2) + t
    image = camera @ K.transpose(-1, -2)
    return image[..., :2] / image[..., 2:]
