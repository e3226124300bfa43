"""Small files that stages exchange: never half-written, never a pickle."""

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from unigs.stage.disk import FullDiskError, is_full
from unigs.stage.errors import UserError
from unigs.stage.leftovers import held, remove_leftovers

LARGEST_ARCHIVE = 8 * 2**30
"""Bytes that the arrays of one .npz file may unpack to: a few hours of video need as many. Zeros
pack a thousand times smaller, so that a small file of a stranger could fill the memory."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it onto `path` if the block succeeds.

    The temporary file keeps the suffix, since ffmpeg and numpy choose formats by it.
    A failure leaves `path` as it was and removes the temporary file; one that a killed process left
    is removed, too.

    Raises:
        FullDiskError: the disk is full.
        UserError: the folder takes no files, or the path is one.
    """
    path, temporary = Path(path), None
    if path.is_dir():
        raise UserError(f"{path} is a folder, and a file is to be written there: choose another.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, f".{path.stem}.", path.suffix)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent
        )
        temporary = Path(name)
        with held(handle):
            yield temporary
            # mkstemp makes private files; results are shared like any other file.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
    except Exception as error:
        if is_full(error):
            raise FullDiskError(
                f"{path} could not be written, the disk of {path.parent} is full: make room and "
                "run the stage again; nothing was left half-written."
            ) from None
        if temporary is None and isinstance(error, OSError):
            raise UserError(
                f"{path} cannot be written ({error.strerror}): let people write to its folder, or "
                "choose another place."
            ) from None
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file as a whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict:
    """Read a JSON object.

    Raises:
        UserError: the file is missing, cannot be read, or is no JSON object.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the stage that makes it first.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): make it anew.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not valid JSON ({error}): delete it and make it anew."
        ) from None
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object: delete it and make it anew.")
    return value


def save_npz(path: Path, **arrays: object) -> None:
    """Write named arrays to a compressed .npz file, whatever the name of the file."""
    # An open file: to a name without .npz NumPy appends it, and the file asked for stays empty.
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **{k: np.asarray(v) for k, v in arrays.items()})


def save_tensors(
    path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write named arrays and texts to a .safetensors file, as a whole or not at all.

    Args:
        path: file to write.
        tensors: arrays by name, however they lie in memory; safetensors alone would write a turned
            one as it lies there.
        metadata: texts by name. The order of several varies from run to run.
    """
    from safetensors.numpy import save_file

    solid = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    with atomic(path) as temporary:
        save_file(solid, temporary, dict(metadata))


def _refuse_giant(path: Path) -> None:
    """Stop before the arrays of an archive are unpacked if they would fill the memory."""
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > LARGEST_ARCHIVE:
        raise UserError(
            f"{path} would unpack to {size / 1e9:.3g} GB, more than any file between stages holds: "
            "delete it and make it anew."
        )


def load_npz(path: Path, *required: str) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file without ever running code from it.

    Raises:
        UserError: the file is missing, damaged, or lacks one of the `required` arrays.
    """
    try:
        _refuse_giant(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the stage that makes it first.") from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror or error}): make it anew."
        ) from None
    except Exception:
        # NumPy's own words advise to allow pickles, which run code.
        raise UserError(
            f"{path} is damaged, or no .npz archive of plain arrays: delete it and make it anew."
        ) from None
    missing = [name for name in required if name not in arrays]
    if missing:
        raise UserError(
            f"{path} lacks {', '.join(missing)}: it was written by another version; make it anew."
        )
    return arrays
