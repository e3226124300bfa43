"""The tri-plane encoding by tiny-cuda-nn, on a GPU where it is installed: equal tables and values.

tiny-cuda-nn (Mueller 2021, include/tiny-cuda-nn/encodings/grid.h and common_device.h) samples a
grid of base resolution b at x (b - 1) + 1/2 and gives it b vertices a side. A grid of one level
with b = r + 1, read at x - 1 / (2 r), is therefore our level of r cells: it is sampled at x r. So
every level of every plane becomes a grid of its own with shifted coordinates, and one composite
encoding runs them all. A grid's parameters are padded to a multiple of eight entries; vertices are
numbered, and hashed, as ours are.

Before its first use an installed version is compared with `encode_torch`.
"""

from __future__ import annotations

import functools
import importlib.util
import os

import torch
from torch import Tensor, nn

from unigs.model.kernels.encoding_torch import PLANES, encode_torch
from unigs.model.kernels.levels import LevelTable
from unigs.stage.errors import UserError

TCNN_PACKAGE = "tinycudann"
SWITCH = "UNIGS_TCNN"
"""Environment variable; 0 goes without tiny-cuda-nn."""
PADDING = 8
"""tiny-cuda-nn pads the parameters of a grid to a multiple of this many entries."""
TRIED_POINTS = 256
"""Points on which an installed version is compared with torch."""
TOLERANCE = 1e-4
"""Largest difference from torch for features between -1 and 1."""


@functools.cache
def available() -> bool:
    """Whether tiny-cuda-nn is installed and not switched off (environment: UNIGS_TCNN=0)."""
    return os.environ.get(SWITCH) != "0" and importlib.util.find_spec(TCNN_PACKAGE) is not None


class TinyCudaPlanes(nn.Module):
    """The encoding for one set of levels; the tables stay the caller's own parameters.

    Args:
        table: the levels.
        features: features per vertex, F.
        device: device of the tables.
    """

    def __init__(self, table: LevelTable, features: int, device: torch.device) -> None:
        super().__init__()
        try:
            tcnn = importlib.import_module(TCNN_PACKAGE)
        except (ImportError, OSError) as error:
            raise UserError(
                f"{TCNN_PACKAGE} is installed but cannot be loaded ({error}): mend it, or set the "
                f"environment variable {SWITCH}=0 to go without it."
            ) from None
        count = 3 * table.n_levels
        self.grids = tcnn.Encoding(
            2 * count, composite_encoding(table, features), dtype=torch.float32
        )
        cells = torch.from_numpy(table.resolutions).float()
        self.register_buffer("shift", (0.5 / cells).to(device), persistent=False)
        self.register_buffer("source", padded_entries(table).to(device), persistent=False)

    def forward(self, points: Tensor, tables: Tensor) -> Tensor:
        """Encode points [N,3] in [0,1] with tables [3,E,F]: [N,3*L*F], differentiable in tables."""
        axes = points.clamp(0, 1)[:, PLANES]  # [N,plane,2]
        shifted = axes[:, :, None] - self.shift[:, None]  # [N,plane,L,2]
        parameters = tables.flatten(0, 1).index_select(0, self.source).flatten()
        return torch.func.functional_call(
            self.grids, {"params": parameters}, (shifted.flatten(1).contiguous(),)
        )


def composite_encoding(table: LevelTable, features: int) -> dict:
    """tiny-cuda-nn's description of all levels of the three planes, in the order of our encoding.

    A hashed level has a power of two of entries.
    """
    grids = []
    for cells, size, hashed in zip(table.resolutions, table.sizes, table.hashed, strict=True):
        grid = {
            "otype": "Grid",
            "type": "Hash" if hashed else "Dense",
            "n_dims_to_encode": 2,
            "n_levels": 1,
            "n_features_per_level": features,
            "base_resolution": int(cells) + 1,
            "per_level_scale": 1.0,
            "interpolation": "Linear",
        }
        if hashed:
            grid["log2_hashmap_size"] = int(size).bit_length() - 1
        grids.append(grid)
    return {"otype": "Composite", "nested": 3 * grids}


def padded_entries(table: LevelTable) -> Tensor:
    """Entry of the joined tables [3*E] for each entry of tiny-cuda-nn's parameters.

    The padding of a level is never read; it repeats the level's first entry.
    """
    rows = []
    for plane in range(3):
        for offset, size in zip(table.offsets.tolist(), table.sizes.tolist(), strict=True):
            own = torch.arange(size) + offset + plane * table.entries
            rows += [own, own[:1].expand(-size % PADDING)]
    return torch.cat(rows)


@functools.lru_cache(maxsize=16)
def planes_of(table: LevelTable, features: int, device: torch.device) -> TinyCudaPlanes:
    """The encoding for these levels, made once and compared with `encode_torch`.

    Raises:
        UserError: the installed version encodes otherwise.
    """
    made = TinyCudaPlanes(table, features, device)
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(TRIED_POINTS, 3, generator=generator).to(device)
    tables = 2 * torch.rand(3, table.entries, features, generator=generator).to(device) - 1
    with torch.no_grad():
        off = (made(points, tables) - encode_torch(points, tables, table)).abs().max().item()
    if not off < TOLERANCE:
        raise UserError(
            f"the installed {TCNN_PACKAGE} encodes positions otherwise than UniGS (by {off:.1g}): "
            f"set the environment variable {SWITCH}=0 to go without it."
        )
    return made


def encode_tcnn(points: Tensor, tables: Tensor, table: LevelTable) -> Tensor:
    """Encode on tiny-cuda-nn's kernels, for arguments that `encoding.encode` has checked."""
    return planes_of(table, tables.shape[2], tables.device)(points, tables)
