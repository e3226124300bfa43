"""The tri-plane encoding in plain torch: any device, any float type, the twin of the kernels."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from unigs.model.kernels.encoding_kernels import PRIME
from unigs.model.kernels.levels import LevelTable, check

PLANES = ((0, 1), (1, 2), (0, 2))
"""Coordinates that a plane is spanned by: XY, YZ, XZ."""


@functools.lru_cache(maxsize=16)
def _on_device(table: LevelTable, device: torch.device) -> tuple[Tensor, ...]:
    """Resolutions, sizes, offsets and hashed levels as tensors, copied there once."""
    arrays = table.resolutions, table.sizes, table.offsets, table.hashed
    return tuple(torch.from_numpy(x).to(device) for x in arrays)


def encode_torch(
    points: Tensor, tables: Tensor, table: LevelTable, fade: Tensor | None = None
) -> Tensor:
    """Encode points on the three planes, as `encoding.encode` does.

    Args:
        points: [N,3] in [0,1] (clamped).
        tables: [3,E,F], the XY, YZ and XZ planes.
        table: from `levels`.
        fade: factor of each point's features [N]; None: 1.

    Returns:
        [N, 3*L*F], ordered by plane, level, feature.

    Raises:
        ValueError: shapes that do not fit.
    """
    check(points, tables, table)
    device = points.device
    r, size, offset, hashed = _on_device(table, device)
    hashed = hashed[:, None, None]
    encoded = []
    for plane, axes in enumerate(PLANES):
        x = points[:, list(axes)].clamp(0, 1)[:, None, :] * r[None, :, None]  # [N,L,2]
        cell = torch.minimum(x.detach().floor().long(), (r - 1)[None, :, None])
        w = x - cell
        corner = cell[..., None] + torch.arange(2, device=device)  # [N,L,axis,2]
        cx, cy = corner[:, :, 0, None, :], corner[:, :, 1, :, None]  # corners as [y,x]
        dense_entry = cx + cy * (r + 1)[:, None, None]
        hash_entry = (cx ^ (cy * PRIME)) & (size - 1)[:, None, None]
        entry = torch.where(hashed, hash_entry, dense_entry) + offset[:, None, None]
        weight = torch.stack([1 - w, w], -1)  # [N,L,axis,2]
        weight = weight[:, :, 0, None, :] * weight[:, :, 1, :, None]
        # index_select, not [entry]: on a GPU the gradient of the latter sorts all entries first
        found = tables[plane].index_select(0, entry.flatten()).unflatten(0, entry.shape)
        encoded.append((found * weight[..., None]).sum((2, 3)).flatten(1))  # [N,L,2,2,F]
    joined = torch.cat(encoded, 1)
    return joined if fade is None else joined * fade[:, None]
