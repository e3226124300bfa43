"""Rotations as vectors, matrices and quaternions, in torch and differentiable.

A rotation vector is the axis times the angle in radians; a quaternion is wxyz. NumPy code asks
`scipy.spatial.transform.Rotation`, or `unigs.geometry.rigid` in stages that load no SciPy.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "mean_rotation",
    "quaternion",
    "quaternion_product",
    "rotate",
    "rotation_matrix",
    "rotation_vector",
]


def rotation_vector(R: Tensor) -> Tensor:
    """Rotation vectors [...,3] of rotations [...,3,3] by less than half a turn."""
    cosine = ((R.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1)
    axis = torch.stack(
        [R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]], -1
    )
    angle = torch.atan2(axis.norm(dim=-1) / 2, cosine)
    # axis = 2 sin(angle) u, so the factor tends to 1/2 where the angle vanishes.
    factor = torch.where(angle < 1e-4, 0.5, angle / (2 * torch.sin(angle).clamp(min=1e-8)))
    return axis * factor[..., None]


def rotation_matrix(vectors: Tensor) -> Tensor:
    """Rotations [...,3,3] of rotation vectors [...,3], by Rodrigues' formula."""
    angle = (vectors.square().sum(-1) + 1e-16).sqrt()[..., None, None]
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    sine = torch.sin(angle) / angle
    cosine = (1 - torch.cos(angle)) / angle**2
    return eye + sine * cross + cosine * (cross @ cross)


def quaternion(R: Tensor) -> Tensor:
    """Unit quaternion [4] of a rotation [3,3] by less than half a turn."""
    w = (1 + R.diagonal().sum()).clamp(min=1e-8).sqrt() / 2
    axis = torch.stack([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    return torch.cat([w[None], axis / (4 * w)])


def quaternion_product(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product a*b of quaternions [4] and [N,4]: rotates by b, then by a."""
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


def rotate(quats: Tensor, vectors: Tensor) -> Tensor:
    """Rotate vectors [N,3] by quaternions [N,4] of any length."""
    unit = torch.nn.functional.normalize(quats, dim=-1)
    w, axis = unit[:, :1], unit[:, 1:]
    cross = torch.linalg.cross(axis, vectors)
    return vectors + 2 * (w * cross + torch.linalg.cross(axis, cross))


def mean_rotation(R: Tensor) -> Tensor:
    """Chordal mean [3,3], float32, of rotations [T,3,3]: the rotation nearest to their mean."""
    u, _, vh = torch.linalg.svd(R.double().mean(0))
    sign = torch.ones(3, dtype=torch.float64, device=R.device)
    sign[2] = torch.det(u @ vh)
    return ((u * sign) @ vh).float()
