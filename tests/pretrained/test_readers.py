"""Readers of weight files: what belongs to the format is read, all else is one sentence."""

import io
import json
import os
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
from hashlib import sha256

import numpy as np
import pytest

from unigs.pretrained.archives import take_member
from unigs.pretrained.convert import convert, layout
from unigs.pretrained.ctranslate2 import read_ctranslate2
from unigs.pretrained.face_api import read_face_api
from unigs.pretrained.pickles import LARGEST_PLACE, read_array_pickle

RNG = np.random.default_rng(0)


def text(word: bytes) -> bytes:
    return struct.pack("<H", len(word) + 1) + word + b"\0"


def variable(name: str, array: np.ndarray) -> bytes:
    kind = [np.float32, np.int8, np.int16, np.int32, np.float16].index(array.dtype.type)
    shape = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
    return text(name.encode()) + shape + struct.pack("<BI", kind, array.nbytes) + array.tobytes()


def model_bin(variables: dict[str, np.ndarray], count: int | None = None) -> bytes:
    head = struct.pack("<I", 6) + text(b"WhisperSpec") + struct.pack("<I", 3)
    head += struct.pack("<I", len(variables) if count is None else count)
    return head + b"".join(variable(name, value) for name, value in variables.items())


def whisper(layers: int = 2, width: int = 4) -> dict[str, np.ndarray]:
    """Variables of a small encoder, as CTranslate2 names them."""

    def f16(*shape: int) -> np.ndarray:
        return RNG.normal(size=shape).astype(np.float16)

    found = {"encoder/num_heads": np.array(2, np.int16), "decoder/layer_0/x": f16(3)}
    for name in ("conv1", "conv2"):
        found |= {f"encoder/{name}/weight": f16(width, 3, 3), f"encoder/{name}/bias": f16(width)}
    found["encoder/position_encodings/encodings"] = f16(9, width)
    norms = ["layer_norm"]
    for layer in range(layers):
        name = f"encoder/layer_{layer}"
        norms += [f"layer_{layer}/self_attention/layer_norm", f"layer_{layer}/ffn/layer_norm"]
        joint = f16(3 * width)
        joint[width : 2 * width] = 0
        found |= {f"{name}/self_attention/linear_0/weight": f16(3 * width, width)}
        found |= {f"{name}/self_attention/linear_0/bias": joint}
        for part in ("self_attention/linear_1", "ffn/linear_0", "ffn/linear_1"):
            found |= {f"{name}/{part}/weight": f16(width, width), f"{name}/{part}/bias": f16(width)}
    for name in norms:
        found |= {f"encoder/{name}/gamma": f16(width), f"encoder/{name}/beta": f16(width)}
    return found


def test_ctranslate2_is_read(tmp_path):
    variables = whisper()
    (tmp_path / "model.bin").write_bytes(model_bin(variables) + b"aliases behind it")
    found = read_ctranslate2(tmp_path / "model.bin")
    assert set(found) == set(variables)
    for name, value in variables.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_whispers_encoder_gets_openais_names(tmp_path):
    variables = whisper()
    (tmp_path / "model.bin").write_bytes(model_bin(variables))
    found = convert("whisper-ctranslate2", {"weights": tmp_path / "model.bin"})
    assert len(found) == 7 + 2 * 15 and all(name.startswith("encoder.") for name in found)
    joint = variables["encoder/layer_1/self_attention/linear_0/weight"]
    names = [f"encoder.blocks.1.attn.{name}.weight" for name in ("query", "key", "value")]
    np.testing.assert_array_equal(np.concatenate([found[name] for name in names]), joint)
    assert "encoder.blocks.1.attn.key.bias" not in found


def test_openais_checkpoint_gives_the_same_layout(tmp_path):
    import torch

    (tmp_path / "model.bin").write_bytes(model_bin(whisper()))
    ours = convert("whisper-ctranslate2", {"weights": tmp_path / "model.bin"})
    state = {name: torch.from_numpy(np.array(value)).float() for name, value in ours.items()}
    state["decoder.token_embedding.weight"] = torch.zeros(3)
    torch.save({"dims": {"n_mels": 80}, "model_state_dict": state}, tmp_path / "tiny.en.pt")
    theirs = convert("whisper-openai", {"weights": tmp_path / "tiny.en.pt"})
    assert layout(theirs) == layout(ours)
    for name, value in ours.items():
        np.testing.assert_array_equal(theirs[name], value)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.999])
def test_a_truncated_model_bin_is_refused(tmp_path, share):
    content = model_bin({k: v for k, v in whisper().items() if k.startswith("encoder")})
    (tmp_path / "m").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="ends .* too early"):
        read_ctranslate2(tmp_path / "m")


NAME = text(b"x")


def one(shape, kind=0, size=None, name=NAME) -> bytes:
    """A model.bin of one variable that says of itself what it likes."""
    head = struct.pack("<I", 6) + text(b"S") + struct.pack("<II", 3, 1) + name
    shape = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
    return head + shape + struct.pack("<BI", kind, 16 if size is None else size) + bytes(16)


@pytest.mark.parametrize(
    "content, words",
    [
        (model_bin(whisper(), count=0xFFFFFFFF), "too early"),
        (one((0xFFFFFFFF,) * 8), "16 bytes for the shape"),
        (one((1 << 30,), size=0xFFFFFFFC), "bytes for the shape"),
        (one((0x3FFFFFFF,), size=0xFFFFFFFC), "too early"),
        (one((2, 2, 1) * 3), "has 9 axes"),
        (one((4,), kind=200), "unknown type"),
        (one((4,), name=struct.pack("<H", 65535) + b"x"), "too early"),
        (one((4,), name=struct.pack("<H", 0)), "no text"),
        (one((4,), name=struct.pack("<H", 2) + b"xy"), "no text"),
        (one((4,), name=text(b"\xff\xfe")), "utf-8"),
        (model_bin({"x": np.zeros(2, np.float32)}, 1)[:-8] + b"", "too early"),
        (b"PK\x03\x04" + bytes(99), "version .* is not known"),
    ],
)
def test_a_model_bin_that_lies_is_refused_at_once(tmp_path, content, words):
    (tmp_path / "m").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=words):
        read_ctranslate2(tmp_path / "m")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


TREE = {
    "AlexNet_0": {"Conv_0": {"kernel": RNG.random((2, 3, 4, 5)).astype(np.float32)}},
    "b": np.asfortranarray(RNG.random((3, 4))),
}


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_pickle_of_arrays_is_read(tmp_path, protocol):
    (tmp_path / "p").write_bytes(pickle.dumps(TREE, protocol))
    found = read_array_pickle(tmp_path / "p")
    np.testing.assert_array_equal(found["b"], TREE["b"])
    kernel = found["AlexNet_0"]["Conv_0"]["kernel"]
    np.testing.assert_array_equal(kernel, TREE["AlexNet_0"]["Conv_0"]["kernel"])


class Runs:
    """Unpickling this with pickle itself would make a folder."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Huge:
    """An array that says that it has a trillion numbers."""

    def __reduce__(self):
        state = (1, (1 << 40,), np.dtype("f4"), False, b"1234")
        return np._core.multiarray._reconstruct, (np.ndarray, (1 << 40,), b"b"), state


def dumps(value) -> bytes:
    return pickle.dumps(value, 3)


@pytest.mark.parametrize(
    "content, words",
    [
        (dumps({"w": Runs(os.system, "mkdir ran")}), "system is not allowed"),
        (dumps({"w": Runs(eval, "__import__('os').mkdir('ran')")}), "eval is not allowed"),
        (dumps({"w": Runs(np.load, "ran")}), "is not allowed"),
        (dumps({"w": Huge()}), "4 bytes for an array"),
        (dumps({"w": np.array([{}], dtype=object)}), "elements of type|without numbers"),
        (dumps({"w": 3}), "int in the place of an array"),
        (dumps([np.zeros(3)]), "list in the place of an array"),
        (dumps({3: np.zeros(3)}), "dict in the place"),
        (dumps(TREE)[:-300], "no pickle of arrays"),
        (b"\x80\x03N" + b"r" + struct.pack("<I", LARGEST_PLACE + 1) + b".", "absurd memory"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 50) + b"x.", "no pickle of arrays"),
        (b"", "no pickle of arrays"),
        (b"weights", "no pickle of arrays"),
    ],
)
def test_a_pickle_of_anything_else_is_refused(tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_array_pickle(tmp_path / "p")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def manifest(*entries: dict) -> str:
    return json.dumps([{"paths": ["x.bin"], "weights": list(entries)}])


def entry(name="w", shape=(2, 3), scale=0.5, smallest=-1.0, dtype="uint8") -> dict:
    levels = {"dtype": dtype, "scale": scale, "min": smallest}
    return {"name": name, "shape": shape, "dtype": "float32", "quantization": levels}


def test_face_api_is_scaled(tmp_path):
    (tmp_path / "m").write_text(manifest(entry(), entry("v", (1,), 0.25, 2.0)))
    (tmp_path / "w").write_bytes(bytes([0, 1, 2, 3, 4, 255, 8]))
    found = read_face_api(tmp_path / "m", tmp_path / "w")
    np.testing.assert_array_equal(found["w"], [[-1, -0.5, 0], [0.5, 1, 126.5]])
    np.testing.assert_array_equal(found["v"], [4.0])


@pytest.mark.parametrize(
    "text, words",
    [
        (manifest(entry()), "does not fit the 7 bytes"),
        (manifest(entry(shape=(1 << 40, 1 << 40))), "does not fit the 7 bytes"),
        (manifest(entry(shape=(-7, -1))), "has no shape"),
        (manifest(entry(shape=(7.0,))), "has no shape"),
        (manifest(entry(shape=7)), "not face-api's"),
        (manifest(entry(dtype="uint16")), "not quantized to bytes"),
        (manifest({"name": "w", "shape": [7]}), "not face-api's"),
        ("[]", "not face-api's"),
        ("{", "not face-api's"),
        ("[" * 100_000, "not face-api's"),
    ],
)
def test_a_manifest_that_lies_is_refused(tmp_path, text, words):
    (tmp_path / "m").write_text(text)
    (tmp_path / "w").write_bytes(bytes(7))
    with pytest.raises(ValueError, match=words):
        read_face_api(tmp_path / "m", tmp_path / "w")


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(*members: tuple[str, bytes, bytes]) -> bytes:
    """A .tar.gz of members: name, kind, content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/passwd"
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def take(folder, content: bytes, member="a/w.bin", wanted=b"weights"):
    (folder / "in").mkdir()
    (folder / "in/archive").write_bytes(content)
    digest = sha256(wanted).hexdigest()
    take_member(folder / "in/archive", member, len(wanted), digest, folder / "in/out")


@pytest.mark.parametrize(
    "content",
    [
        zipped({"setup.py": b"1/0", "a/w.bin": b"weights", "../evil": b"x", "/evil": b"x"}),
        tarred(("../evil", tarfile.REGTYPE, b"x"), ("a/w.bin", tarfile.REGTYPE, b"weights")),
    ],
)
def test_a_member_is_taken_and_nothing_else(tmp_path, content):
    take(tmp_path, content)
    assert (tmp_path / "in/out").read_bytes() == b"weights"
    everything = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert everything == {"in", "in/archive", "in/out"}


@pytest.mark.parametrize(
    "content, words",
    [
        (zipped({"a/w.bin": b"weightz"}), "is another file than the catalogue's"),
        (zipped({"a/w.bin": bytes(10**7)}), "holds no a/w.bin of 7 bytes"),
        (zipped({"b/w.bin": b"weights"}), "holds no a/w.bin"),
        (tarred(("a/w.bin", tarfile.REGTYPE, b"weightz")), "is another file"),
        (tarred(("a/w.bin", tarfile.SYMTYPE, b"")), "holds no a/w.bin"),
        (tarred(("a/w.bin", tarfile.LNKTYPE, b"")), "holds no a/w.bin"),
        (tarred(("a/w.bin", tarfile.FIFOTYPE, b"")), "holds no a/w.bin"),
        (tarred(("a/w.bin", tarfile.REGTYPE, b"weights"))[:60], "is damaged"),
        (zipped({"a/w.bin": b"weights"})[:60], "is damaged"),
        (b"", "is damaged"),
    ],
    # Archives hold the time, so their bytes are no names.
    ids=lambda value: value if isinstance(value, str) else "archive",
)
def test_other_members_are_refused(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        take(tmp_path, content)


def test_a_member_that_is_longer_than_it_says_is_cut_off(tmp_path):
    """A zip bomb: the directory says 7 bytes, the stream goes on."""
    content = bytearray(zipped({"a/w.bin": bytes(10**6)}))
    place = content.rindex(b"PK\x01\x02") + 24
    content[place : place + 4] = struct.pack("<I", 7)
    with pytest.raises(ValueError, match="damaged|another file"):
        take(tmp_path, bytes(content))
    assert (tmp_path / "in/out").stat().st_size <= 8
