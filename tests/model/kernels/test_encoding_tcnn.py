"""The encoding through tiny-cuda-nn, over a stand-in that computes its published grid in torch."""

import math
import sys
from types import SimpleNamespace

import pytest
import torch

from tests.support.planes import VARIANTS, scene
from unigs.model.kernels import encoding_tcnn as planes_tcnn
from unigs.model.kernels.encoding_tcnn import encode_tcnn
from unigs.model.kernels.encoding_torch import encode_torch
from unigs.model.kernels.levels import levels
from unigs.stage.errors import UserError


class Encoding(torch.nn.Module):
    """tiny-cuda-nn's composite of single 2-D grids, as grid.h and common_device.h define it.

    It is given an offset other than 1/2 where a test wants another version's sampling.
    """

    offset = 0.5

    def __init__(self, n_input_dims, encoding_config, seed=1337, dtype=None):
        super().__init__()
        assert encoding_config["otype"] == "Composite" and dtype == torch.float32
        self.nested = encoding_config["nested"]
        assert n_input_dims == sum(grid["n_dims_to_encode"] for grid in self.nested)
        count = sum(self.entries(grid) * grid["n_features_per_level"] for grid in self.nested)
        self.params = torch.nn.Parameter(torch.zeros(count))

    @staticmethod
    def entries(grid):
        """Entries of a grid: all vertices in multiples of eight, at most the hash table's."""
        assert grid["otype"] == "Grid" and grid["n_levels"] == 1
        whole = math.ceil(grid["base_resolution"] ** 2 / 8) * 8
        return min(whole, 2 ** grid["log2_hashmap_size"]) if grid["type"] == "Hash" else whole

    def forward(self, x):
        out, first = [], 0
        for k, grid in enumerate(self.nested):
            size, features = self.entries(grid), grid["n_features_per_level"]
            values = self.params[first : first + size * features].view(size, features)
            first += size * features
            out.append(self.sample(grid, size, values, x[:, 2 * k : 2 * k + 2]))
        assert first == len(self.params)
        return torch.cat(out, 1)

    def sample(self, grid, size, values, x):
        side = grid["base_resolution"]
        place = x.double() * (side - 1) + self.offset
        cell = place.floor()
        part, cell = (place - cell).to(x.dtype), cell.long()
        total = 0
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            vx, vy = cell[:, 0] + dx, cell[:, 1] + dy
            index = vx + vy * side
            if grid["type"] == "Hash" and size < side**2:
                index = vx ^ (vy * 2654435761 % 2**32)
            weight = (part[:, 0] if dx else 1 - part[:, 0]) * (part[:, 1] if dy else 1 - part[:, 1])
            total = total + weight[:, None] * values[index % size]
        return total


@pytest.fixture
def installed(monkeypatch):
    """The stand-in in the package's place; nothing tried out before is remembered."""
    monkeypatch.setitem(sys.modules, "tinycudann", SimpleNamespace(Encoding=Encoding))
    planes_tcnn.planes_of.cache_clear()
    yield
    planes_tcnn.planes_of.cache_clear()


@pytest.mark.parametrize("variant", VARIANTS)
def test_values_and_gradients_are_those_of_the_twin(installed, variant):
    points, tables, level_table = scene(120, *variant)
    weights = torch.randn(len(points), 3 * variant[0] * variant[1])
    results = []
    for function in (encode_tcnn, encode_torch):
        leaf = tables.clone().requires_grad_()
        encoded = function(points, leaf, level_table)
        (encoded * weights).sum().backward()
        results.append((encoded.detach(), leaf.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=2e-5)


def test_the_border_and_beyond_are_those_of_the_twin(installed):
    _, tables, level_table = scene(1, 12, 2, 17)
    points = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.5], [-0.3, 1.2, 7.0]])
    encoded = encode_tcnn(points, tables, level_table)
    torch.testing.assert_close(
        encoded, encode_torch(points, tables, level_table), atol=3e-5, rtol=0
    )


def test_a_version_that_samples_otherwise_is_refused(installed, monkeypatch):
    monkeypatch.setattr(Encoding, "offset", 0.0)
    _, tables, level_table = scene(1, 3, 2, 17)
    with pytest.raises(UserError, match="UNIGS_TCNN=0"):
        encode_tcnn(torch.rand(5, 3), tables, level_table)


@pytest.mark.parametrize(
    ("found", "switch", "used"), [(True, "", True), (True, "0", False), (False, "", False)]
)
def test_it_can_be_switched_off(monkeypatch, found, switch, used):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if found else None)
    monkeypatch.setenv("UNIGS_TCNN", switch)
    planes_tcnn.available.cache_clear()
    assert planes_tcnn.available() is used
    planes_tcnn.available.cache_clear()


def test_one_that_cannot_be_loaded_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycudann", None)
    planes_tcnn.planes_of.cache_clear()
    _, tables, level_table = scene(1, 3, 2, 17)
    with pytest.raises(UserError, match="UNIGS_TCNN=0"):
        encode_tcnn(torch.rand(5, 3), tables, level_table)


def test_a_hashed_level_is_told_by_its_power_of_two():
    level_table = levels(5, 4, 64, 8)
    grids = planes_tcnn.composite_encoding(level_table, 4)["nested"]
    assert len(grids) == 15 and grids[:5] == grids[5:10] == grids[10:]
    kinds = [grid["type"] for grid in grids[:5]]
    assert kinds == ["Hash" if hashed else "Dense" for hashed in level_table.hashed]
    assert {grid["log2_hashmap_size"] for grid in grids if grid["type"] == "Hash"} == {8}
