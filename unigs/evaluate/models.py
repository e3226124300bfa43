"""Where the weights of judging networks lie."""

import os
from pathlib import Path

AUTO = "auto"
"""Setting that takes the fetched file if there is one."""
FOLDER = "resources/models"
"""Where fetched weights lie, seen from the working directory, unless $UNIGS_MODELS says else."""
LANDMARKS68, LIGHT_ASD, SYNCNET = "face-landmarks-68", "light-asd", "syncnet-v2"
"""Names of the networks that look at lips."""


def find_model(name: str) -> Path | None:
    """The fetched weights of a network, or None where they are not there."""
    path = Path(os.environ.get("UNIGS_MODELS") or FOLDER) / f"{name}.safetensors"
    return path if path.is_file() else None


def chosen_model(setting: str, name: str) -> Path | None:
    """The file that a setting names: its own, the fetched one (auto), or none (empty).

    Args:
        setting: a path, "auto", or empty.
        name: of the network.
    """
    if setting == AUTO:
        return find_model(name)
    return Path(setting) if setting else None
