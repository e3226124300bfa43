"""Files of .tflite networks: each holds several, and none runs unless it is the catalogue's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from unigs.pretrained.catalogue import model
from unigs.stage.errors import UserError


def read_networks(path: Path, name: str) -> dict[str, bytes]:
    """The bytes of the networks in a file that the catalogue fetched.

    LiteRT trusts the numbers in a network, so that one from a stranger could make it read and write
    where it should not. Only those whose checksums the catalogue knows are given to it.

    Args:
        path: the file (.safetensors), one array of bytes for each network.
        name: its name in the catalogue.

    Raises:
        UserError: the file is missing, damaged, or holds other networks.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise UserError(f"{path} does not exist: check the path of the networks of {name}.")
    try:
        content = {part: values.tobytes() for part, values in load_file(path).items()}
    except (SafetensorError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as networks ({error}): delete it and get it anew, with unigs "
            f"models fetch {name}."
        ) from None
    for part, known in checksums(name).items():
        found = hashlib.sha256(content.get(part, b"")).hexdigest()
        if found not in known:
            state = "another one than the catalogue's" if part in content else "missing"
            raise UserError(
                f"the network {part} of {path} is {state}: get the file with unigs models fetch "
                f"{name}."
            )
    return content


def checksums(name: str) -> dict[str, set[str]]:
    """Network -> checksums that it may have, of networks in the catalogue.

    Args:
        name: their name in the catalogue.
    """
    found: dict[str, set[str]] = {}
    for source in model(name).sources:
        for part, file in source.files.items():
            found.setdefault(part, set()).add(file.member_sha256 or file.sha256)
    return found
