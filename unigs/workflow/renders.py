"""Renders of other systems that people supply: files resources/renders/{system}/{subject}.*."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unigs.stage.errors import UserError

FOLDER = "resources/renders"
"""Where renders lie, as seen from the working directory."""


def render_file(system: str, subject: str, folder: str = FOLDER) -> str | None:
    """The render of a subject: a video, or a folder of pictures; None where there is none.

    Args:
        system: name of the system.
        subject: name of the subject.
        folder: where renders lie.

    Raises:
        UserError: there are two.
    """
    place = Path(folder) / system
    found = [place / subject] if (place / subject).is_dir() else []
    if place.is_dir():
        files = sorted(path for path in place.iterdir() if path.is_file())
        found += [path for path in files if path.stem == subject and not path.name.startswith(".")]
    if len(found) > 1:
        raise UserError(
            f"{place} has two renders of {subject}, {found[0].name} and {found[1].name}: "
            "leave one there."
        )
    return str(found[0]) if found else None


def rendered(config: Mapping[str, Any], names: Iterable[str], subjects: Iterable[str]) -> list[str]:
    """Folders of results of those systems and subjects of which there is a render.

    Args:
        config: the configuration.
        names: variants and systems, as a table names them.
        subjects: names of subjects.
    """
    systems = [name for name in names if name in config.get("renders", {})]
    return [
        f"results/{subject}/{system}"
        for subject in subjects
        for system in systems
        if render_file(system, subject)
    ]


def render_flags(config: Mapping[str, Any], system: str) -> str:
    """Flags of place_render that say what does not count of a system's renders.

    Args:
        config: the configuration.
        system: name of the system.
    """
    told = config["renders"][system] or {}
    words = ["--pasted", "True"] if told.get("pasted") else []
    return shlex.join([*words, *(["--invalid", *told["invalid"]] if told.get("invalid") else [])])
