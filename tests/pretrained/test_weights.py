"""Weights from strangers: what torch wrote is read, no code runs, nothing beyond the file."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.serialization import MAGIC_NUMBER, PROTOCOL_VERSION

from unigs.pretrained.pickles import LARGEST_PLACE
from unigs.pretrained.weights import read_weights
from unigs.stage.errors import UserError

STATE = {
    "a.weight": torch.arange(12.0).reshape(3, 4).T,  # not contiguous
    "b": torch.tensor(2.5, dtype=torch.float64),
    "c": torch.tensor([1, 2, 3]),
    "d": torch.zeros(0, 3),
    "e": torch.rand(5, 2).half(),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_what_torch_wrote_is_read(tmp_path, zipped, wrapped):
    content = {"state_dict": STATE, "epoch": 3, "name": "x"} if wrapped else STATE
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    weights = read_weights(tmp_path / "w.pth")
    assert set(weights) == set(STATE)
    for name, value in STATE.items():
        assert weights[name].dtype == value.dtype
        torch.testing.assert_close(weights[name], value)


def test_safetensors(tmp_path):
    state = {name: value.contiguous() for name, value in STATE.items()}
    save_file(state, tmp_path / "w.safetensors")
    for name, value in read_weights(tmp_path / "w.safetensors").items():
        torch.testing.assert_close(value, state[name])


class Bomb:
    """Unpickling this with pickle itself would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_are_not_built(tmp_path, zipped):
    content = {"state_dict": STATE, "hyper_parameters": Bomb(tmp_path / "boom")}
    torch.save(content, tmp_path / "w.ckpt", _use_new_zipfile_serialization=zipped)
    assert set(read_weights(tmp_path / "w.ckpt")) == set(STATE)
    assert not (tmp_path / "boom").exists()


class Hostile(torch.nn.Module):
    """Saved as TorchScript, this says something when it is loaded: its code runs."""

    def __init__(self):
        super().__init__()
        self.said = "hostile code runs"

    @torch.jit.export
    def __getstate__(self):
        return (self.said, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]):
        self.said, self.training = state[0], state[1]
        print(state[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_torchscript_archive_runs_no_code(tmp_path, capfd):
    path = tmp_path / "w.ckpt"
    torch.jit.script(Hostile()).save(str(path))
    with pytest.raises(UserError, match=r"w\.ckpt cannot be read as weights .*TorchScript"):
        read_weights(path)
    assert "hostile" not in capfd.readouterr().out
    # That it is an attack: torch itself runs it.
    torch.jit.load(str(path))
    assert "hostile code runs" in capfd.readouterr().out


def archive(path, content: bytes, storages: dict[str, bytes], compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as out:
        out.writestr("archive/data.pkl", content)
        for key, data in storages.items():
            out.writestr(f"archive/data/{key}", data)


def pickled(size, stride, offset=0, count=4) -> bytes:
    """A pickle as torch writes it: one float tensor `w` on storage 0."""

    class Tensor:
        def __reduce__(self):
            return (torch._utils._rebuild_tensor_v2, (Storage(), offset, size, stride, False, {}))

    class Storage:
        pass

    class Writer(pickle.Pickler):
        def persistent_id(self, item):
            if isinstance(item, Storage):
                return ("storage", torch.FloatStorage, "0", "cpu", count)
            return None

    stream = io.BytesIO()
    Writer(stream, protocol=2).dump({"w": Tensor()})
    return stream.getvalue()


def test_our_hostile_archives_are_built_as_torch_builds_them(tmp_path):
    data = np.arange(4, dtype=np.float32)
    archive(tmp_path / "w.pth", pickled((2, 2), (2, 1)), {"0": data.tobytes()})
    np.testing.assert_array_equal(read_weights(tmp_path / "w.pth")["w"], data.reshape(2, 2))


@pytest.mark.parametrize(
    "arguments, storage",
    [
        ({"size": (2, 3), "stride": (3, 1)}, 16),  # beyond the storage
        ({"size": (2, 2), "stride": (2, 1), "offset": 1}, 16),
        ({"size": (2, 2), "stride": (-2, 1)}, 16),
        ({"size": (1 << 40,), "stride": (0,), "count": 1}, 8),
        ({"size": (4,), "stride": (1,), "count": 1 << 40}, 16),  # more than there is
        ({"size": (2, 2), "stride": (1,)}, 16),
        ({"size": (5,), "stride": (0,)}, 16),  # more than there is, again and again
    ],
)
def test_shapes_that_lie_are_refused(tmp_path, arguments, storage):
    archive(tmp_path / "w.pth", pickled(**arguments), {"0": bytes(storage)})
    with pytest.raises(UserError, match=r"w\.pth cannot be read as weights"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("before", [0, 2])
def test_an_early_file_that_asks_for_absurd_memory_is_refused(tmp_path, before):
    """In its first pickle, or in one behind the numbers that torch begins a file with."""
    greedy = b"\x80\x02Nr" + (LARGEST_PLACE + 1).to_bytes(4, "little") + b"."
    start = [pickle.dumps(number, 2) for number in (MAGIC_NUMBER, PROTOCOL_VERSION)]
    (tmp_path / "w.pth").write_bytes(b"".join([*start[:before], greedy]))
    with pytest.raises(UserError, match=r"w\.pth cannot be read .* asks for absurd memory"):
        read_weights(tmp_path / "w.pth")


def test_a_zip_bomb_is_refused(tmp_path):
    content = pickled((4,), (1,))
    archive(tmp_path / "w.pth", content, {"0": bytes(10**7)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match="compressed entries"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize(
    "name, content",
    [
        ("text.pth", b"no weights"),
        ("cut.pth", None),
        ("empty.pth", b""),
        ("cut.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00{"),
    ],
)
def test_damaged_files_get_one_sentence(tmp_path, name, content):
    if content is None:
        torch.save(STATE, tmp_path / "whole.pth")
        content = (tmp_path / "whole.pth").read_bytes()[:700]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} cannot be read as weights"):
        read_weights(tmp_path / name)


def test_no_file_and_no_tensors(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_weights(tmp_path / "none.pth")
    torch.save({"epoch": 3}, tmp_path / "w.pth")
    with pytest.raises(UserError, match="holds no tensors by name"):
        read_weights(tmp_path / "w.pth")
