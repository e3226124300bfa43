"""A renderer in plain torch, tile by tile: what one would write without compiled kernels.

Same function as `unigs.render.rasterize.rasterize` (gsplat's classic mode), with autograd.
"""

import torch
from torch import Tensor

from benchmarks.scenes import Scene
from unigs.render import spec

TILE = 16
BLUR, MIN_ALPHA, MAX_ALPHA, MIN_TRANSMITTANCE = (
    float(x) for x in (spec.BLUR, spec.MIN_ALPHA, spec.MAX_ALPHA, spec.MIN_TRANSMITTANCE)
)


def rotations(quats: Tensor) -> Tensor:
    """Rotation matrices [N,3,3] of quaternions [N,4], w first, of any length."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=1).unbind(1)
    rows = (
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], 1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], 1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], 1),
    )
    return torch.stack(rows, 1)


def project(scene: Scene) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Centers [N,2] and inverse covariances [N,3] in the image, radii [N,2] (0: hidden), depths.

    Every Gaussian is in front of the camera here, so the near plane is not treated.
    """
    turn, shift = scene.viewmat[:3, :3], scene.viewmat[:3, 3]
    x, y, z = (scene.means @ turn.T + shift).unbind(1)
    fx, fy, cx, cy = scene.K[0, 0], scene.K[1, 1], scene.K[0, 2], scene.K[1, 2]
    reach_x, reach_y = 0.15 * scene.width / fx, 0.15 * scene.height / fy
    tx = z * (x / z).clamp(-cx / fx - reach_x, (scene.width - cx) / fx + reach_x)
    ty = z * (y / z).clamp(-cy / fy - reach_y, (scene.height - cy) / fy + reach_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [
            torch.stack([fx / z, zero, -fx * tx / z**2], 1),
            torch.stack([zero, fy / z, -fy * ty / z**2], 1),
        ],
        1,
    )
    half = jacobian @ turn @ rotations(scene.quats) * scene.scales[:, None, :]
    covariance = half @ half.transpose(1, 2)
    a = covariance[:, 0, 0] + BLUR
    b = covariance[:, 0, 1]
    c = covariance[:, 1, 1] + BLUR
    conics = torch.stack([c, -b, a], 1) / (a * c - b * b)[:, None]
    means2d = torch.stack([fx * x / z + cx, fy * y / z + cy], 1)
    with torch.no_grad():
        extent = (2 * (scene.opacities / MIN_ALPHA).log()).clamp(min=0).sqrt().clamp(max=3.33)
        radii = torch.ceil(extent[:, None] * torch.stack([a, c], 1).sqrt())
        radii = radii * (scene.opacities >= MIN_ALPHA)[:, None]
    return means2d, conics, radii, z


def blend(pixels: Tensor, means2d: Tensor, conics: Tensor, opacities: Tensor) -> Tensor:
    """Weights [P,K] of K Gaussians, nearest first, at pixel centers [P,2]."""
    dx = means2d[None, :, 0] - pixels[:, :1]
    dy = means2d[None, :, 1] - pixels[:, 1:]
    sigma = 0.5 * (conics[:, 0] * dx * dx + conics[:, 2] * dy * dy) + conics[:, 1] * dx * dy
    alpha = (opacities * torch.exp(-sigma)).clamp(max=MAX_ALPHA)
    alpha = alpha * ((alpha.detach() >= MIN_ALPHA) & (sigma.detach() >= 0))
    live = torch.cumprod(1 - alpha.detach(), 1) > MIN_TRANSMITTANCE
    alpha = alpha * live
    passed = torch.cumprod(1 - alpha, 1)
    before = torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1]], 1)
    return alpha * before


def render(scene: Scene) -> tuple[Tensor, int]:
    """Image [H,W,C] and the number of (pixel, Gaussian) pairs that were blended."""
    means2d, conics, radii, depths = project(scene)
    order = torch.argsort(depths.detach(), stable=True)
    low = (means2d - radii).detach()
    high = (means2d + radii).detach()
    pairs = 0
    bands = []
    for top in range(0, scene.height, TILE):
        bottom = min(top + TILE, scene.height)
        tiles = []
        in_band = order[(high[order, 1] > top) & (low[order, 1] < bottom) & (radii[order, 0] > 0)]
        for left in range(0, scene.width, TILE):
            right = min(left + TILE, scene.width)
            index = in_band[(high[in_band, 0] > left) & (low[in_band, 0] < right)]
            y, x = torch.meshgrid(
                torch.arange(top, bottom) + 0.5, torch.arange(left, right) + 0.5, indexing="ij"
            )
            pixels = torch.stack([x.flatten(), y.flatten()], 1)
            weights = blend(pixels, means2d[index], conics[index], scene.opacities[index])
            rest = 1 - weights.sum(1, keepdim=True)
            color = weights @ scene.colors[index] + rest * scene.background
            tiles.append(color.reshape(bottom - top, right - left, -1))
            pairs += int((weights.detach() > 0).sum())
        bands.append(torch.cat(tiles, 1))
    return torch.cat(bands), pairs
