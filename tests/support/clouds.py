"""Random clouds of Gaussians, and the gradients of their pictures."""

import math

import torch

from unigs.geometry.cameras import intrinsics, view_matrix

INPUTS = ("means", "quats", "scales", "opacities", "colors", "background", "viewmat")


def cloud(n=300, width=64, height=64, seed=0, sigma=2.0, spread=0.4, channels=3):
    """Random Gaussians in front of a slightly turned camera; sigma: median size in pixels.

    Depths are evenly spaced, so that rounding cannot change their order.
    """
    g = torch.Generator().manual_seed(seed)
    focal, distance = 1.6 * width, 2.0
    half = torch.tensor([0.5 * width, 0.5 * height, 0.4 * width]) / focal * distance
    angle = 0.2
    R = torch.tensor([[math.cos(angle), 0, math.sin(angle)], [0, 1, 0],
                      [-math.sin(angle), 0, math.cos(angle)]])  # fmt: skip
    K = intrinsics(focal, (width, height))
    K[1, 1] *= 1.02
    K[:2, 2] += torch.tensor([0.3, -0.7])
    means = (2 * torch.rand(n, 3, generator=g) - 1) * half
    depth = torch.linspace(-1, 1, n)[torch.randperm(n, generator=g)] * half[2]
    means[:, 2] = (depth - R[2, 0] * means[:, 0]) / R[2, 2]
    return {
        "means": means,
        "quats": torch.randn(n, 4, generator=g),
        "scales": sigma / focal * distance * torch.exp(spread * torch.randn(n, 3, generator=g)),
        "opacities": torch.rand(n, generator=g).sqrt(),
        "colors": torch.rand(n, channels, generator=g),
        "viewmat": view_matrix(R, torch.tensor([0.01, -0.02, distance])),
        "K": K,
        "width": width,
        "height": height,
        "background": torch.rand(channels, generator=g),
    }


def gradients(render, scene, dtype, mask=1.0):
    """Image, alpha and the gradients of a fixed random functional of both where mask is 1."""
    scene = {k: v.to(dtype) if torch.is_tensor(v) else v for k, v in scene.items()}
    leaves = {k: scene[k].clone().requires_grad_() for k in INPUTS}
    image, alpha = render(**{**scene, **leaves})[:2]
    g = torch.Generator().manual_seed(9)
    weight = torch.randn(image.shape, generator=g).to(dtype) * mask
    weight_alpha = torch.randn(alpha.shape, generator=g).to(dtype) * mask
    ((image * weight).sum() + (alpha * weight_alpha).sum()).backward()
    return image.detach(), alpha.detach(), {k: v.grad for k, v in leaves.items()}
