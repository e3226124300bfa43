"""Where the workflow's own files lie: in the checkout, or inside the installed package."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from unigs.workflow.fingerprint import PACKAGE

SHIPPED = PACKAGE / "shipped"
"""Folder of the workflow's files in a wheel; a checkout has none (`setup.py` fills it)."""
CONFIG = "config/config.yaml"
"""The configuration that lies beneath every other one, as seen from `home()`."""
SNAKEFILE = "workflow/Snakefile"
"""The workflow, as seen from `home()`."""


def home() -> Path:
    """The folder that holds `workflow/`, `config/` and `resources/paper/` of this package."""
    return SHIPPED if SHIPPED.is_dir() else PACKAGE.parent


def with_defaults(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A configuration, perhaps a part of one, on top of the repository's.

    Args:
        config: what people configure; it stays as it is.
        folder: folder that holds `CONFIG`.

    Returns:
        Both: mappings unite, lists and single values of `config` win.
    """
    under = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    return _united(under, config)


def package_alone(folder: Path) -> Path:
    """A folder for PYTHONPATH that shows an interpreter of another environment this package alone.

    Args:
        folder: where to put the link to the package; it is made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / PACKAGE.name
    while not (link.exists() and link.samefile(PACKAGE)):
        link.unlink(missing_ok=True)
        try:
            link.symlink_to(PACKAGE, target_is_directory=True)
        except FileExistsError:
            continue  # by another job at the same time
    return folder.absolute()


def _united(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(deepcopy(under))
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _united(below, value) if both else deepcopy(value)
    return merged
