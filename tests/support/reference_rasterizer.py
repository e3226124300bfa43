"""A dense float64 renderer in plain torch: the specification that the compiled one is tested with.

Every Gaussian meets every pixel; gradients come from autograd. No tiles, no sorting tricks, no
shared code with ``unigs.render``.
"""

import torch


def rotation_matrices(quats):
    """Rotations [N,3,3] of quaternions [N,4] (w, x, y, z): v -> v + 2w(q x v) + 2 q x (q x v)."""
    quats = quats / quats.norm(dim=1, keepdim=True)
    w, x, y, z = quats.unbind(1)
    zero = torch.zeros_like(w)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
    identity = torch.eye(3, dtype=quats.dtype)
    return identity + 2 * w[:, None, None] * cross + 2 * cross @ cross


def project(means, quats, scales, opacities, viewmat, K, width, height):
    """Centers [N,2], covariances [N,2,2], depths [N], half boxes [N,2] (0: culled)."""
    rotation, translation = viewmat[:3, :3], viewmat[:3, 3]
    camera = means @ rotation.T + translation
    shape = rotation @ rotation_matrices(quats) @ torch.diag_embed(scales)
    depth = camera[:, 2]
    focal, center = torch.diagonal(K)[:2], K[:2, 2]
    size = torch.tensor([width, height], dtype=means.dtype)
    slope = camera[:, :2] / depth[:, None]
    margin = 0.3 * size / (2 * focal)
    clamped = torch.minimum(torch.maximum(slope, -center / focal - margin),
                            (size - center) / focal + margin)  # fmt: skip
    jacobian = torch.zeros(len(means), 2, 3, dtype=means.dtype)
    jacobian[:, 0, 0], jacobian[:, 1, 1] = focal[0] / depth, focal[1] / depth
    jacobian[:, :, 2] = -focal * clamped / depth[:, None]
    spread = jacobian @ shape
    covariance = spread @ spread.mT + 0.3 * torch.eye(2, dtype=means.dtype)
    centers = focal * slope + center
    with torch.no_grad():
        extent = (2 * torch.log(255 * opacities)).clamp_min(0).sqrt().clamp_max(3.33)
        radii = torch.ceil(extent[:, None] * covariance.diagonal(dim1=1, dim2=2).sqrt())
        seen = (depth >= 0.01) & (depth <= 1e10) & (opacities >= 1 / 255) & (radii > 0).all(1)
        seen &= ((centers + radii > 0) & (centers - radii < size)).all(1)
        radii = torch.where(seen[:, None], radii, 0)
    return centers, covariance, depth, radii


def render(means, quats, scales, opacities, colors, viewmat, K, width, height, background):
    """Image [H,W,C] and alpha [H,W,1], differentiable in every float64 tensor."""
    centers, covariance, depth, radii = project(
        means, quats, scales, opacities, viewmat, K, width, height
    )
    seen = torch.nonzero(radii[:, 0] > 0)[:, 0]
    order = seen[torch.argsort(depth[seen].float(), stable=True)]
    v, u = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([u, v], dim=-1).reshape(-1, 1, 2).to(means.dtype) + 0.5
    offset = centers[order] - pixels
    inverse = torch.linalg.inv(covariance[order])
    sigma = 0.5 * torch.einsum("pni,nij,pnj->pn", offset, inverse, offset)
    raw = opacities[order] * torch.exp(-sigma)
    alpha = torch.where(raw >= 1 / 255, raw.clamp_max(0.999), 0)
    with torch.no_grad():  # a pixel stops before the Gaussian that would leave 1e-4 or less
        alive = torch.cumprod(1 - alpha, dim=1) > 1e-4
    through = torch.cumprod(1 - alpha * alive, dim=1)
    before = torch.cat([torch.ones_like(through[:, :1]), through[:, :-1]], dim=1)
    rest = through[:, -1:] if len(order) else torch.ones(len(pixels), 1, dtype=means.dtype)
    image = (alpha * alive * before) @ colors[order] + rest * background
    return image.reshape(height, width, -1), (1 - rest).reshape(height, width, 1)
