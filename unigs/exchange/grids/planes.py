"""The tri-planes of a portrait in both systems' layouts, and back, to the bit.

A level of ours has whole cells and is sampled at x r. So is a grid of one level of torch-ngp with
base resolution r + 1 and align_corners; tiny-cuda-nn's samples at x r + 1/2 and is given
x - 1 / (2 r) (`unigs.model.kernels.encoding_tcnn`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unigs.exchange.grids.layout import GridLayout
from unigs.exchange.grids.state import Arrays, give_grid, take_grid
from unigs.model.kernels.encoding_tcnn import PADDING, composite_encoding, padded_entries
from unigs.model.kernels.levels import LevelTable
from unigs.stage.errors import UserError

AXES = ("xy", "yz", "xz")
"""Planes, in the order of our tables."""


def planes_to_tcnn(tables: np.ndarray, table: LevelTable) -> tuple[Arrays, dict[str, Any]]:
    """Tri-planes as one composite encoding of tiny-cuda-nn.

    Args:
        tables: [3,E,F].
        table: the levels.

    Returns:
        `params`, flat; and the arguments of `tcnn.Encoding`, with what its input is: for plane
        after plane and level after level two coordinates of a point in [0,1]^3, less `shift`.
    """
    rows = tables.reshape(-1, tables.shape[2])[padded_entries(table).numpy()]
    cells = np.tile(table.resolutions, 3)
    return {"params": rows.ravel()}, {
        "n_input_dims": 6 * table.n_levels,
        "encoding_config": composite_encoding(table, tables.shape[2]),
        "planes": list(AXES),
        "shift": (0.5 / cells).tolist(),
    }


def planes_from_tcnn(
    state: Mapping[str, np.ndarray], table: LevelTable, features: int
) -> np.ndarray:
    """Tables [3,E,F] from the parameters that `planes_to_tcnn` gives.

    Args:
        state: with `params`.
        table: the levels.
        features: F.

    Raises:
        UserError: the parameters are of other levels.
    """
    places = padded_entries(table).numpy()
    values = np.asarray(state["params"]) if "params" in state else np.zeros(0)
    if values.shape != (len(places) * features,):
        raise UserError(
            f"params has {values.size} numbers, the planes of this portrait "
            f"{len(places) * features}."
        )
    rows = np.zeros((3 * table.entries, features), values.dtype)
    padding = _padding(table)
    rows[places[~padding]] = values.reshape(-1, features)[~padding]
    return rows.reshape(3, table.entries, features)


def planes_to_torch_ngp(tables: np.ndarray, table: LevelTable) -> tuple[Arrays, dict[str, Any]]:
    """Tri-planes as grids of torch-ngp, one for each level of each plane.

    Args:
        tables: [3,E,F].
        table: the levels.

    Returns:
        `{plane}.{level}.embeddings` and `.offsets`; and the arguments of `GridEncoder` of each
        level, alike for all planes.
    """
    state: Arrays = {}
    layouts = _layouts(table, tables.shape[2])
    for plane, axes in enumerate(AXES):
        for level, layout in enumerate(layouts):
            own = slice(int(table.offsets[level]), int(table.offsets[level] + table.sizes[level]))
            rows = np.zeros((layout.sizes[0], layout.features), tables.dtype)
            rows[: table.sizes[level]] = tables[plane, own]
            state |= give_grid(layout, rows, f"{axes}.{level}.")
    encoders = [
        {
            "input_dim": 2, "num_levels": 1, "level_dim": layout.features, "per_level_scale": 1,
            "base_resolution": layout.base, "log2_hashmap_size": layout.log2_entries,
            "gridtype": "hash", "align_corners": True,
        }
        for layout in layouts
    ]  # fmt: skip
    return state, {"planes": list(AXES), "levels": encoders}


def planes_from_torch_ngp(
    state: Mapping[str, np.ndarray], table: LevelTable, features: int
) -> np.ndarray:
    """Tables [3,E,F] from the grids that `planes_to_torch_ngp` gives.

    Args:
        state: arrays by name.
        table: the levels.
        features: F.

    Raises:
        UserError: a grid is missing or of another level.
    """
    planes = []
    for axes in AXES:
        rows = [
            take_grid(layout, state, f"{axes}.{level}.")[: table.sizes[level]]
            for level, layout in enumerate(_layouts(table, features))
        ]
        planes.append(np.concatenate(rows))
    return np.stack(planes)


def _layouts(table: LevelTable, features: int) -> list[GridLayout]:
    """torch-ngp's grid of each level."""
    found = []
    for cells, size, hashed in zip(table.resolutions, table.sizes, table.hashed, strict=True):
        # A dense level must not be cut to the size of a hash table.
        log2 = int(size).bit_length() - 1 if hashed else max(3, (int(size) + 7).bit_length())
        found.append(
            GridLayout("torch-ngp", 2, 1, features, log2, int(cells) + 1, 1.0, align_corners=True)
        )
    return found


def _padding(table: LevelTable) -> np.ndarray:
    """Which of tiny-cuda-nn's entries pad a level, bool, in the order of `padded_entries`."""
    parts = [[False] * int(size) + [True] * (-int(size) % PADDING) for size in table.sizes]
    return np.array(3 * [mark for part in parts for mark in part], bool)
