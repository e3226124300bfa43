"""Grids of tiny-cuda-nn and torch-ngp, against their kernels written out for one point."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.model.kernels.test_encoding_tcnn import Encoding
from tests.support import portraits
from tests.support.planes import VARIANTS, scene
from unigs.__main__ import main
from unigs.exchange.grids.command import export_grids, take_grids
from unigs.exchange.grids.layout import GridLayout, sample
from unigs.exchange.grids.planes import (
    planes_from_tcnn,
    planes_from_torch_ngp,
    planes_to_tcnn,
    planes_to_torch_ngp,
)
from unigs.exchange.grids.state import give_grid, relaid, take_grid
from unigs.model.kernels.encoding_torch import encode_torch
from unigs.model.storage import load_portrait, save_portrait
from unigs.stage.errors import UserError

RANDOM = np.random.default_rng(7)
MASK = 0xFFFFFFFF
PRIMES = (1, 2654435761, 805459861)
# dims, levels, features, log2 entries, base, growth: dense and hashed, TalkingGaussian's planes.
GRIDS = [
    (2, 12, 1, 17, 16, (38.4 / 16) ** (1 / 11)),
    (2, 6, 2, 9, 16, 1.5), (3, 5, 2, 12, 4, 2.0), (3, 4, 4, 19, 5, 1.38), (2, 3, 2, 14, 64, 1.0),
]  # fmt: skip


def made(kind: str, grid: tuple, **more) -> tuple[GridLayout, np.ndarray]:
    layout = GridLayout(kind, *grid, **more)
    return layout, RANDOM.uniform(-1, 1, (layout.offsets[-1], layout.features)).astype(np.float32)


def kernel(layout: GridLayout, offsets: list, flat: list, x: list) -> list:
    """grid.h and gridencoder.cu for one point: Python's integers, cut to 32 bits by hand."""
    out, D, F = [], layout.dims, layout.features
    for level in range(layout.n_levels):
        growth = np.exp2(np.float32(level) * np.float32(np.log2(layout.growth)))
        scale = np.float32(growth * np.float32(layout.base) - np.float32(1))
        resolution, size = math.ceil(scale) + 1, offsets[level + 1] - offsets[level]
        stride_of = resolution if layout.kind == "tcnn" or layout.align_corners else resolution + 1
        half = 0.0 if layout.align_corners else 0.5
        pos = [np.float32(float(v) * float(scale) + half) for v in x]
        cell = [math.floor(p) for p in pos]
        w = [float(p - np.float32(c)) for p, c in zip(pos, cell, strict=True)]
        w = [v * v * (3 - 2 * v) for v in w] if layout.smoothstep else w
        found = [0.0] * F
        for corner in range(2**D):
            weight, vertex = 1.0, []
            for d in range(D):
                ahead = corner >> d & 1
                weight *= w[d] if ahead else 1 - w[d]
                vertex.append((cell[d] + ahead) & MASK)
            stride, index = 1, 0
            for d in range(D):
                if stride > size:
                    break
                index = (index + vertex[d] * stride) & MASK
                stride *= stride_of
            if size < stride:
                index = 0
                for d in range(D):
                    index ^= (vertex[d] * PRIMES[d]) & MASK
            entry = offsets[level] + index % size
            for f in range(F):
                found[f] += weight * flat[entry * F + f]
        out += found
    return out


def known_offsets(layout: GridLayout) -> list:
    """The systems' own arithmetic for the sizes of levels."""
    offsets = [0]
    for level in range(layout.n_levels):
        if layout.kind == "tcnn":
            growth = np.exp2(np.float32(level) * np.float32(np.log2(layout.growth)))
            side = math.ceil(np.float32(growth * np.float32(layout.base) - np.float32(1))) + 1
            size = min(math.ceil(side**layout.dims / 8) * 8, 2**layout.log2_entries)
        else:
            side = int(np.ceil(layout.base * layout.growth**level))
            side += 0 if layout.align_corners else 1
            size = int(np.ceil(min(2**layout.log2_entries, side**layout.dims) / 8) * 8)
        offsets.append(offsets[-1] + size)
    return offsets


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(
    "kind, more",
    [("tcnn", {}), ("tcnn", {"smoothstep": True}), ("torch-ngp", {}),
     ("torch-ngp", {"align_corners": True})],
)  # fmt: skip
def test_a_grid_gives_what_its_kernel_gives(kind, more, grid):
    layout, table = made(kind, grid, **more)
    assert layout.offsets == known_offsets(layout)
    points = np.vstack([RANDOM.uniform(0, 1, (40, layout.dims)), np.zeros(layout.dims),
                        np.ones(layout.dims)]).astype(np.float32)  # fmt: skip
    found = sample(layout, table, points)
    flat = table.ravel().tolist()
    wanted = [kernel(layout, layout.offsets, flat, x) for x in points]
    np.testing.assert_allclose(found, wanted, atol=3e-6)
    assert found.shape == (42, layout.n_levels * layout.features)


@pytest.mark.parametrize("kind", ["tcnn", "torch-ngp"])
def test_arrays_of_a_state_dict_come_back_to_the_bit(kind):
    layout, table = made(kind, GRIDS[1])
    state = give_grid(layout, table, "encoder_xy.")
    names = {"tcnn": {"params"}, "torch-ngp": {"embeddings", "offsets"}}[kind]
    assert set(state) == {f"encoder_xy.{name}" for name in names}
    again = take_grid(layout, state, "encoder_xy.")
    assert again.tobytes() == table.tobytes()
    half = {name: value.astype(np.float16) for name, value in state.items() if "off" not in name}
    assert take_grid(layout, half, "encoder_xy.").dtype == np.float16


@pytest.mark.parametrize("grid", GRIDS)
def test_a_grid_of_tcnn_is_one_of_torch_ngp(grid):
    layout, table = made("tcnn", grid)
    try:
        other, relaid_table = relaid(layout, table)
    except UserError as error:  # a level that one of the two hashes
        assert "hashed" in str(error) and any(layout.hashed)
        return
    points = RANDOM.uniform(0, 1, (200, layout.dims)).astype(np.float32)
    points[:3] = [[0] * layout.dims, [1] * layout.dims, [0.5] * layout.dims]
    np.testing.assert_array_equal(
        sample(other, relaid_table, points), sample(layout, table, points)
    )
    again, back = relaid(other, relaid_table)
    assert again == layout
    np.testing.assert_array_equal(sample(again, back, points), sample(layout, table, points))


def test_a_border_that_tcnn_cannot_hold_is_refused():
    layout, table = made("torch-ngp", GRIDS[0])
    with pytest.raises(UserError, match="other values at its upper border"):
        relaid(layout, table)
    with pytest.raises(UserError, match="align_corners"):
        relaid(*made("torch-ngp", GRIDS[0], align_corners=True))


@pytest.mark.parametrize("variant", VARIANTS)
def test_planes_go_out_and_come_back_to_the_bit(variant):
    _, tables, levels = scene(10, *variant)
    tables = tables.numpy()
    for out, back in (
        (planes_to_tcnn, planes_from_tcnn),
        (planes_to_torch_ngp, planes_from_torch_ngp),
    ):
        state, _ = out(tables, levels)
        assert back(state, levels, variant[1]).tobytes() == tables.tobytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_planes_hold_in_tcnn_what_they_hold_here(variant):
    """tiny-cuda-nn is a stand-in that follows its published grid."""
    points, tables, levels = scene(60, *variant)
    state, told = planes_to_tcnn(tables.numpy(), levels)
    network = Encoding(told["n_input_dims"], told["encoding_config"], dtype=torch.float32)
    network.load_state_dict({name: torch.from_numpy(v) for name, v in state.items()})
    shift = torch.tensor(told["shift"]).view(3, -1)
    axes = {"x": 0, "y": 1, "z": 2}
    columns = [
        points[:, [axes[a] for a in plane]] - shift[k, level]
        for k, plane in enumerate(told["planes"])
        for level in range(levels.n_levels)
    ]
    with torch.no_grad():
        found = network(torch.cat(columns, 1))
    np.testing.assert_allclose(found, encode_torch(points, tables, levels), atol=2e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_planes_hold_in_torch_ngp_what_they_hold_here(variant):
    """Each grid by its own kernel, written out."""
    points, tables, levels = scene(12, *variant)
    state, told = planes_to_torch_ngp(tables.numpy(), levels)
    wanted = encode_torch(points, tables, levels).numpy()
    axes, column, F = {"x": 0, "y": 1, "z": 2}, 0, variant[1]
    for plane in told["planes"]:
        for level, encoder in enumerate(told["levels"]):
            assert encoder["num_levels"] == 1 and encoder["align_corners"]
            layout = GridLayout("torch-ngp", 2, 1, F, encoder["log2_hashmap_size"],
                                encoder["base_resolution"], 1.0, align_corners=True)  # fmt: skip
            offsets = state[f"{plane}.{level}.offsets"].tolist()
            assert offsets == known_offsets(layout)
            flat = state[f"{plane}.{level}.embeddings"].ravel().tolist()
            own = points[:6, [axes[a] for a in plane]].numpy()
            for point, row in zip(own, wanted[:6], strict=True):
                found = kernel(layout, offsets, flat, point)
                np.testing.assert_allclose(found, row[column : column + F], atol=2e-5)
            column += F


def test_other_grids_are_refused_in_a_sentence():
    layout, table = made("torch-ngp", GRIDS[1])
    state = give_grid(layout, table)
    with pytest.raises(UserError, match="there is no net.embeddings among embeddings, offsets"):
        take_grid(layout, state, "net.")
    with pytest.raises(UserError, match="offsets are .* look at its base resolution"):
        take_grid(GridLayout("torch-ngp", *GRIDS[1][:4], 17, 1.5), state)
    with pytest.raises(UserError, match="does not fit a grid of torch-ngp with 6 levels"):
        sample(layout, table[:-1], np.zeros((1, 2)))
    with pytest.raises(UserError, match="params is not flat"):
        take_grid(GridLayout("tcnn", *GRIDS[1]), {"params": np.zeros((3, 3))})
    with pytest.raises(UserError, match="a grid of ngp with 2 coordinates"):
        GridLayout("ngp", *GRIDS[1])
    _, tables, levels = scene(10, *VARIANTS[0])
    with pytest.raises(UserError, match="params has 5 numbers, the planes of this portrait"):
        planes_from_tcnn({"params": np.zeros(5)}, levels, 1)


# --- the commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["tcnn", "torch-ngp"])
def test_a_portrait_gives_its_planes_and_takes_them_back_to_the_bit(tmp_path, layout):
    paths = {name: tmp_path / f"{name}.safetensors" for name in ("mine", "grids", "again", "other")}
    save_portrait(portraits.portrait(), paths["mine"])
    main(["export", "grids", str(paths["mine"]), str(paths["grids"]), "--layout", layout])
    with safe_open(paths["grids"], "np") as file:
        told = json.loads(file.metadata()["unigs"])
    assert told["layout"] == layout and [plane["fade"] for plane in told["planes"]] == [False, True]
    main(["export", "with-grids", *(str(paths[n]) for n in ("mine", "grids", "again"))])
    assert paths["again"].read_bytes() == paths["mine"].read_bytes()
    # What another system has trained is what the portrait then holds, also from a file of torch.
    state = {name: torch.from_numpy(v) for name, v in load_file(paths["grids"]).items()}
    changed = {n: v if n.endswith("offsets") else 2 * v for n, v in state.items()}
    torch.save(changed, tmp_path / "grids.pth")
    take_grids(paths["mine"], tmp_path / "grids.pth", paths["other"])
    before, after = (load_portrait(paths[name]).motion.planes for name in ("mine", "other"))
    for one, two in zip(before, after, strict=True):
        assert torch.equal(2 * one.tables, two.tables)


def test_portraits_without_planes_and_files_of_others_are_refused(tmp_path):
    still, mine, grids = (tmp_path / f"{name}.safetensors" for name in ("still", "mine", "grids"))
    save_portrait(portraits.portrait(motion=False), still)
    with pytest.raises(UserError, match="is a static portrait, without tri-planes"):
        export_grids(still, grids, "tcnn")
    save_portrait(portraits.portrait(), mine)
    export_grids(mine, grids, "tcnn")
    save_file({"0.params": load_file(grids)["0.params"][:-2]}, grids)
    out = tmp_path / "out.safetensors"
    with pytest.raises(UserError, match="grids.safetensors, tri-plane 0: params has"):
        take_grids(mine, grids, out)
    save_file({"means": np.zeros(3, np.float32)}, grids)
    with pytest.raises(UserError, match="tri-plane 0: there is no xy.0.embeddings among no arrays"):
        take_grids(mine, grids, out)
    assert not out.exists()
