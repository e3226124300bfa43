"""Points and tables for the tests of the tri-plane encoding."""

import torch

from unigs.model.kernels.levels import levels

# (L, F, log2 entries): the paper's Table 2, dense; and tables so small that levels are hashed
VARIANTS = [(12, 1, 17), (24, 1, 17), (12, 2, 17), (6, 4, 17), (12, 2, 9), (5, 4, 8), (3, 1, 6)]


def scene(n, n_levels, features, log2_entries, seed=0, finest=64):
    """Points inside cells (never within 1 % of a vertex of any level along any axis) and tables."""
    level_table = levels(n_levels, 16, finest, log2_entries)
    g = torch.Generator().manual_seed(seed)
    points = torch.rand(40 * n, 3, generator=g)
    position = points[:, :, None] * torch.from_numpy(level_table.resolutions)
    inside = ((position - position.round()).abs() > 0.01).all(2).all(1)
    points = points[inside][:n]
    assert len(points) > n // 2
    tables = torch.randn(3, level_table.entries, features, generator=g)
    return points, tables, level_table
