"""Small face models in the formats of their makers, written byte by byte where no library does."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Small:
    """A model of few vertices, in millimeters."""

    mean: np.ndarray
    shape: np.ndarray
    variance: np.ndarray
    expression: np.ndarray
    triangles: np.ndarray


def small_model(vertices: int = 9, seed: int = 0) -> Small:
    rng = np.random.default_rng(seed)
    f32 = np.float32
    mean = rng.uniform(-90, 90, (vertices, 3)).astype(f32)
    mean[0], mean[1] = (-90, 0, 0), (90, 0, 0)  # 18 cm across
    basis = np.linalg.qr(rng.normal(size=(3 * vertices, 4)))[0].astype(f32)
    triangles = rng.permuted(np.tile(np.arange(vertices), (5, 1)), axis=1)[:, :3].astype(np.int32)
    variance = np.array([400, 100, 25, 4], f32)
    return Small(mean, basis, variance, rng.normal(size=(3 * vertices, 2)).astype(f32), triangles)


def matrix(values: np.ndarray) -> bytes:
    """A matrix of Eigen in cereal's binary archive: rows, columns, columns one after another."""
    values = values[:, None] if values.ndim == 1 else values
    numbers = [float(v) for column in values.T for v in column]
    return struct.pack("<ii", *values.shape) + struct.pack(f"<{len(numbers)}f", *numbers)


def pca(mean: np.ndarray, basis: np.ndarray, variance: np.ndarray, faces: np.ndarray) -> bytes:
    listed = struct.pack("<Q", len(faces)) + b"".join(struct.pack("<3i", *f) for f in faces)
    return matrix(mean.reshape(-1)) + matrix(basis) + matrix(variance) + listed


def blendshapes(directions: np.ndarray) -> bytes:
    parts = [struct.pack("<Q", directions.shape[1])]
    for name, column in zip(("joy", "anger", "fear"), directions.T, strict=False):
        parts += [struct.pack("<Q", len(name)), name.encode(), matrix(column)]
    return b"".join(parts)


def eos_bin(model: Small, version: int = 1, expression: bytes = b"") -> bytes:
    no_color = pca(np.zeros((0, 1)), np.zeros((0, 0)), np.zeros(0), np.zeros((0, 3)))
    body = pca(model.mean, model.shape, model.variance, model.triangles) + no_color
    return struct.pack("<I", version) + body + expression + struct.pack("<Q", 0)


def exp_pca(directions: np.ndarray, shift: np.ndarray) -> bytes:
    head = struct.pack("<i", directions.shape[1])
    return head + shift.astype("<f4").tobytes() + directions.T.astype("<f4").tobytes()


def bfm_2017(path: Path, model: Small, shift: np.ndarray) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["shape/model/mean"] = model.mean.reshape(-1)
        file["shape/model/pcaBasis"], file["shape/model/pcaVariance"] = model.shape, model.variance
        file["shape/representer/cells"] = model.triangles.T
        file["expression/model/mean"] = shift
        file["expression/model/pcaBasis"] = model.expression
        file["expression/model/pcaVariance"] = np.array([9.0, 16])


def old_array(values: np.ndarray) -> bytes:
    """Instructions of protocol 2 that push an array, as Python 2 wrote them: bytes as a string."""
    raw = values.tobytes()
    shape = b"".join(b"J" + struct.pack("<i", n) for n in values.shape)
    dims = b"(" + shape + b"t"
    kind = values.dtype.str[1:].encode()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n"
        b"(cnumpy\nndarray\n(K\x00tU\x01btR"  # _reconstruct(ndarray, (0,), 'b')
        b"(K\x01" + dims + b"cnumpy\ndtype\n(U" + bytes([len(kind)]) + kind + b"K\x00K\x01tR"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"  # the state of the type
        b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    )


def old_chumpy(values: np.ndarray) -> bytes:
    """Instructions that push a chumpy object around an array."""
    state = b"}(U\x05dirtyI01\nU\x01x" + old_array(values) + b"u"
    return b"cchumpy.ch\nCh\n)\x81" + state + b"b"


def old_pickle(parts: dict[str, bytes]) -> bytes:
    """A mapping of protocol 2."""
    items = b"".join(b"U" + bytes([len(k)]) + k.encode() + v for k, v in parts.items())
    return b"\x80\x02}(" + items + b"u."


def flame_pkl(mean: np.ndarray, directions: np.ndarray, faces: np.ndarray) -> bytes:
    """FLAME as it is published: chumpy inside, and a class that nobody here has."""
    return old_pickle(
        {
            "v_template": old_chumpy(mean),
            "shapedirs": old_chumpy(directions),
            "f": old_array(faces.astype("<u4")),
            "J_regressor": b"cscipy.sparse.csc\ncsc_matrix\n)\x81}b",
            "bs_style": b"U\x03lbs",
        }
    )


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        import os

        return os.system, (self.command,)


def bomb(command: str, **values: object) -> bytes:
    return pickle.dumps({"v_template": Bomb(command), **values}, protocol=2)
