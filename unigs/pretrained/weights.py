"""Weights that people exchange: tensors by name, read without ever running code from the file.

A .pth or .ckpt file is a pickle, and a TorchScript archive looks like one; `torch.load` runs both.
Here the archive is opened by hand: storages are taken as bytes, the pickle may name nothing but
tensors and plain containers, and every other object becomes an inert placeholder.
"""

from __future__ import annotations

import collections
import math
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, BinaryIO

from unigs.pretrained.pickles import check, checked
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError

if TYPE_CHECKING:
    import torch

ZIP, PICKLE = b"PK\x03\x04", b"\x80"
"""First bytes of an archive of torch 1.6 and later, and of a file of an earlier one."""
NESTED = ("state_dict", "model_state_dict")
"""Names under which a checkpoint keeps its weights beside other things."""
DTYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
"""Element type of each kind of storage that a file may hold."""


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a .safetensors, .pth or .ckpt file, by name.

    A Lightning checkpoint gives its `state_dict`, one of Whisper its `model_state_dict`. Objects
    that are no tensors are left out.

    Raises:
        UserError: the file is missing, damaged, a TorchScript archive, or holds no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist: check the path of the weights.")
    try:
        content = _read(path)
    # Whatever a hostile or damaged pickle makes its reader stumble over.
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as weights ({type(error).__name__}: {error}): get it anew."
        ) from None
    for key in NESTED:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors = _tensors(content)
    if not tensors:
        raise UserError(f"{path} holds no tensors by name: it is no file of weights.")
    return tensors


def fill(network: torch.nn.Module, state: dict[str, torch.Tensor], path: Path, what: str) -> None:
    """Give a network its weights.

    Args:
        network: filled in place.
        state: tensors by the network's own names.
        path: the file that they are from, for the message.
        what: what the file should hold, for the message.

    Raises:
        UserError: tensors are missing, unknown or of another shape.
    """
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise UserError(f"{path} does not hold {what}: get it anew.") from None


def weights_name(path: Path) -> str:
    """A file of weights, for records: its name and the beginning of its checksum."""
    return f"{Path(path).stem}, sha256 {checksum(path)[:12]}"


def _tensors(content: object) -> dict[str, torch.Tensor]:
    import torch

    if not isinstance(content, dict):
        return {}
    return {
        name: value.detach()
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }


def _read(path: Path) -> object:
    with open(path, "rb") as file:
        head = file.read(4)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(error) from None
    if head.startswith(ZIP):
        with zipfile.ZipFile(path) as archive:
            return _read_archive(archive)
    if head.startswith(PICKLE):
        return _read_legacy(path)
    raise ValueError("neither safetensors nor a file of torch.save")


def _read_archive(archive: zipfile.ZipFile) -> object:
    """Content of an archive that torch.save wrote.

    Raises:
        ValueError: it is a TorchScript archive, which is code, or not stored as torch stores.
    """
    names = archive.namelist()
    if any(name.endswith("constants.pkl") or "/code/" in name for name in names):
        raise ValueError("a TorchScript archive holds code, not weights")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
        raise ValueError("compressed entries, which torch.save never writes")
    (pickled,) = [name for name in names if name.endswith("data.pkl")]
    folder = pickled.removesuffix("data.pkl")
    return _ArchiveUnpickler(checked(archive.read(pickled)), archive, folder).load()


class Placeholder:
    """Stands in for any object of a file that is not a tensor or a plain container."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> Placeholder:
        return self

    def append(self, item: object) -> None:
        """Accept and forget."""

    def extend(self, items: object) -> None:
        """Accept and forget."""


class _ArchiveUnpickler(pickle.Unpickler):
    """Finds only what rebuilds tensors; all other names resolve to `Placeholder`."""

    def __init__(self, file: object, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file, encoding="utf-8")
        self.archive, self.folder = archive, folder
        self.storages: dict[str, torch.Tensor] = {}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch" and name in DTYPES:
            return name
        return Placeholder

    def persistent_load(self, identity: tuple) -> torch.Tensor:
        """The flat storage that a tensor names."""
        import torch

        kind, storage, key, _, count = identity
        if kind != "storage" or storage not in DTYPES:
            raise ValueError(f"an unknown kind of storage: {storage}")
        if key not in self.storages:
            dtype = getattr(torch, DTYPES[storage])
            content = self.archive.read(f"{self.folder}data/{key}")
            if len(content) != count * dtype.itemsize:
                raise ValueError(f"storage {key} has {len(content)} bytes for {count} numbers")
            flat = torch.frombuffer(bytearray(content), dtype=dtype) if count else torch.empty(0)
            self.storages[key] = flat.to(dtype)
        return self.storages[key]


def _rebuild_tensor(
    storage: torch.Tensor, offset: int, size: tuple, stride: tuple, *_: object
) -> torch.Tensor:
    """A tensor of its own from a flat storage.

    Raises:
        ValueError: it would reach beyond the storage, or name one of its numbers more than once.
    """
    numbers = (offset, *size, *stride)
    if len(size) != len(stride) or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise ValueError("a tensor without a shape")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) and last >= len(storage):
        raise ValueError("a tensor that reaches beyond its storage")
    # Steps of 0 would let a few bytes fill the memory.
    if math.prod(size) > len(storage):
        raise ValueError("a tensor of more numbers than its storage holds")
    if not math.prod(size):
        return storage.new_empty(size)
    return storage.as_strided(size, stride, offset).clone()


def _rebuild_parameter(data: torch.Tensor, *_: object) -> torch.Tensor:
    return data


class _LegacyUnpickler(pickle.Unpickler):
    """For files of torch before 1.6, whose storages torch itself reads.

    Such a file holds several pickles, one after the other.
    """

    def __init__(self, file: BinaryIO, **options: object) -> None:
        check(file)
        super().__init__(file, **options)

    def find_class(self, module: str, name: str) -> object:
        import torch

        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return vars(torch._utils)[name]
        if module == "torch" and name in DTYPES:
            return vars(torch)[name]
        return Placeholder


def _read_legacy(path: Path) -> object:
    import torch

    inert = SimpleNamespace(
        __name__="inert",
        Unpickler=_LegacyUnpickler,
        load=lambda file, **options: _LegacyUnpickler(file, **options).load(),
    )
    return torch.load(path, map_location="cpu", weights_only=False, pickle_module=inert)
