"""Made-up scenes with the shape and the statistics of a trained portrait."""

from dataclasses import dataclass

import torch
from torch import Tensor

from unigs.geometry.cameras import intrinsics, view_matrix

PARTS = (
    (0.25, (0.0, 0.0, 0.0), (0.075, 0.11, 0.09), 1.0),  # face and skull
    (0.35, (0.0, 0.04, 0.03), (0.105, 0.18, 0.10), 3.0),  # long hair around it
    (0.40, (0.0, 0.27, 0.05), (0.20, 0.13, 0.09), 1.0),  # shoulders and chest
)
"""Share of the Gaussians, center and half axes in meters (head frame, y down, z forward), and
elongation of each part."""
OVERLAP = 0.4
"""Standard deviation of a Gaussian relative to the distance of its neighbors."""
DISTANCE = 0.9
"""Distance of the head from the camera, meters."""


@dataclass
class Scene:
    """Arguments of `unigs.render.rasterize.rasterize`."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor
    viewmat: Tensor
    K: Tensor
    width: int
    height: int
    background: Tensor

    def arguments(self) -> tuple:
        """The arguments in the order of `rasterize`."""
        return tuple(vars(self).values())


def portrait(count: int, size: int, seed: int = 0) -> Scene:
    """Head, long hair and torso seen by a frontal camera, slightly turned.

    Half of the Gaussians of each part lie in its outermost 15 %, as training leaves them. Their
    size follows from their number (few large ones or many small ones cover the same surface), so
    the number of blended pairs grows with the pixels more than with the Gaussians.

    Args:
        count: Gaussians.
        size: side of the image in pixels.
        seed: of the random numbers.
    """
    g = torch.Generator().manual_seed(seed)
    means, scales = [], []
    left = count
    for k, (share, center, axes, elongation) in enumerate(PARTS):
        n = left if k == len(PARTS) - 1 else round(share * count)
        left -= n
        direction = torch.nn.functional.normalize(torch.randn(n, 3, generator=g), dim=1)
        radius = torch.rand(n, 1, generator=g) ** (1 / 3)
        shell = torch.rand(n, 1, generator=g) < 0.5
        radius = torch.where(shell, 0.85 + 0.15 * radius, radius)
        half = torch.tensor(axes)
        means.append(torch.tensor(center) + radius * direction * half)
        area = 4 * torch.pi * float((half[[0, 0, 1]] * half[[1, 2, 2]]).mean())
        spread = torch.exp(
            0.5 * torch.randn(n, 1, generator=g) + 0.35 * torch.randn(n, 3, generator=g)
        )
        spread[:, 1] *= elongation
        scales.append(OVERLAP * (area / max(n, 1)) ** 0.5 * spread / elongation**0.5)
    order = torch.randperm(count, generator=g)
    yaw = torch.tensor(0.15)
    turn = torch.eye(3)
    turn[0, 0] = turn[2, 2] = yaw.cos()
    turn[0, 2], turn[2, 0] = yaw.sin(), -yaw.sin()
    return Scene(
        means=torch.cat(means)[order].contiguous(),
        quats=torch.randn(count, 4, generator=g),
        scales=torch.cat(scales)[order].contiguous(),
        opacities=torch.rand(count, generator=g).sqrt(),
        colors=torch.rand(count, 3, generator=g),
        viewmat=view_matrix(turn, torch.tensor([0.0, -0.09, DISTANCE])),
        K=intrinsics(2.0 * size, size),
        width=size,
        height=size,
        background=torch.tensor([0.2, 0.5, 0.8]),
    )
