"""Grids in the state dicts of both systems, and from one system to the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from unigs.exchange.grids.layout import GridLayout, check_table
from unigs.stage.errors import UserError

Arrays = dict[str, np.ndarray]
"""Arrays by name."""


def take_grid(layout: GridLayout, state: Mapping[str, np.ndarray], prefix: str = "") -> np.ndarray:
    """The table of a grid.

    Args:
        layout: the grid.
        state: arrays by name, as the system's module has them: `params` of tiny-cuda-nn, flat,
            `embeddings` and `offsets` of torch-ngp.
        prefix: what stands before these names, with its dot.

    Returns:
        All entries [E,features], in the type of the file.

    Raises:
        UserError: the arrays are missing, or of another grid.
    """
    name = f"{prefix}{'params' if layout.kind == 'tcnn' else 'embeddings'}"
    if name not in state:
        raise UserError(f"there is no {name} among {', '.join(sorted(state)[:8]) or 'no arrays'}.")
    values = np.asarray(state[name])
    if layout.kind == "tcnn":
        if values.ndim != 1 or len(values) % layout.features:
            raise UserError(f"{name} is not flat, with {layout.features} numbers an entry.")
        values = values.reshape(-1, layout.features)
    offsets = state.get(f"{prefix}offsets")
    if layout.kind == "torch-ngp" and offsets is not None:
        if np.asarray(offsets).tolist() != layout.offsets:
            raise UserError(
                f"{prefix}offsets are {np.asarray(offsets).tolist()}, those of such a grid "
                f"{layout.offsets}: look at its base resolution, growth and hash table."
            )
    check_table(layout, values)
    return values


def give_grid(layout: GridLayout, table: np.ndarray, prefix: str = "") -> Arrays:
    """A grid as its system's module takes it with load_state_dict.

    Args:
        layout: the grid.
        table: all entries [E,features].
        prefix: what stands before the names, with its dot.
    """
    check_table(layout, table)
    if layout.kind == "tcnn":
        return {f"{prefix}params": np.ascontiguousarray(table).ravel()}
    offsets = np.array(layout.offsets, np.int32)
    return {f"{prefix}embeddings": np.ascontiguousarray(table), f"{prefix}offsets": offsets}


def relaid(layout: GridLayout, table: np.ndarray) -> tuple[GridLayout, np.ndarray]:
    """The same function on [0,1] in the other system's layout.

    Hashed levels are equal in both. In a dense level tiny-cuda-nn keeps the vertices at the upper
    border where those of the next row begin, so that its grids go to torch-ngp, and back only where
    the border holds what it holds there.

    Args:
        layout: the grid.
        table: all entries [E,features].

    Returns:
        The other layout, and its table; entries that nothing reads are zero.

    Raises:
        UserError: no grid of the other system is the same function.
    """
    check_table(layout, table)
    if layout.align_corners:
        raise UserError("a grid with align_corners is sampled where tiny-cuda-nn never samples.")
    other = replace(layout, kind="torch-ngp" if layout.kind == "tcnn" else "tcnn", padded=True)
    made = np.zeros((other.offsets[-1], layout.features), table.dtype)
    written = np.zeros(other.offsets[-1], bool)
    for level in range(layout.n_levels):
        source = slice(*layout.offsets[level : level + 2])
        target = slice(*other.offsets[level : level + 2])
        if layout.hashed[level] and other.hashed[level]:
            if layout.sizes[level] != other.sizes[level]:
                raise UserError(f"level {level} is hashed into tables of two sizes.")
            made[target] = table[source]
            continue
        vertices = reached(layout, level)
        values = table[source][layout.entries(level, vertices)]
        places = other.entries(level, vertices)
        made[target][places] = values
        written[target][places] = True
        if not np.array_equal(made[target][places], values):
            raise UserError(
                f"level {level} has other values at its upper border, or is hashed in one of the "
                f"systems alone: no grid of {other.kind} is the same function."
            )
    return other, made


def reached(layout: GridLayout, level: int) -> np.ndarray:
    """All vertices [V,dims] that points in [0,1] read."""
    count = int(np.floor(float(layout.scales[level]) + 0.5)) + 2
    return np.array(list(product(range(count), repeat=layout.dims)))
