"""The file of weights that an encoder hears with, found again years later by its checksum."""

import hashlib
from dataclasses import replace
from pathlib import Path

from unigs.pretrained.catalogue import models_folder
from unigs.settings.speech import SpeechSettings
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError


def digest(path: Path) -> str:
    """The sha256 of a file's tensors, or of the names and checksums of all files of a folder.

    Where a .safetensors file was fetched from is written into it, so equal weights can lie in files
    that differ: there names, types, shapes and numbers count.
    """
    if path.suffix == ".safetensors":
        return _tensor_digest(path)
    if not path.is_dir():
        return checksum(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{file.relative_to(path).as_posix()} {checksum(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _tensor_digest(path: Path) -> str:
    """The sha256 of what the tensors of a .safetensors file are called and hold.

    Raises:
        UserError: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    found = hashlib.sha256()
    try:
        with safe_open(path, "np") as file:
            for name in sorted(file.keys()):
                tensor = file.get_tensor(name)
                found.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode())
                found.update(tensor.tobytes())
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read as weights ({error}): get it anew.") from None
    return found.hexdigest()


def record(settings: SpeechSettings) -> dict[str, str]:
    """What is written down of a model: the name of its file, and its checksum."""
    path = Path(settings.model)
    return {"file": path.name, "sha256": digest(path)}


def find_again(settings: SpeechSettings, known: dict[str, str], owner: str) -> SpeechSettings:
    """The settings with the path of the model that was used once.

    Args:
        settings: of the encoder, with the path that the model had.
        known: what was written down of it (`record`).
        owner: what was encoded with it, for the message.

    Raises:
        UserError: the model lies neither where it was nor among the pretrained ones.
    """
    places = [Path(settings.model), models_folder() / known["file"]]
    there = [path for path in dict.fromkeys(places) if path.exists()]
    for path in there:
        if digest(path) == known["sha256"]:
            return replace(settings, model=str(path))
    wanted = f"{known['file']} with the sha256 {known['sha256'][:12]}..."
    if there:
        found = f"{' and '.join(map(str, there))} is another one"
    else:
        found = f"it is neither at {places[0]} nor in {places[1].parent}"
    raise UserError(
        f"{owner} was encoded by the back-end {settings.backend} with {wanted}, but {found}: put "
        "that file there, or run encode_speech anew."
    )
