"""What a stage's code means, in words that change with it: params that make its rule run again.

Snakemake sees when a command changes, but not when a module behind it does. So every rule has a
word for each module that its command imports: the module's name and a hash of its syntax tree, in
which neither comments, layout nor docstrings count. The modules are read off the source, without
importing anything (the workflow itself needs no torch), and by the standard library alone.
"""

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from unigs.workflow.source_facts import DIGITS, SourceFacts

PACKAGE = Path(__file__).parents[1]
"""Folder of the package `unigs` that the workflow runs."""
TALK = {f"unigs.stage.{name}" for name in ("bounds", "cli", "errors", "interrupts", "progress")}
"""How a stage talks to people, what it refuses and how it is stopped: a reworded message must not
cost a training."""
SETTINGS = "unigs.settings"
"""Package whose dataclasses hold defaults and bounds alone. A rule's flags carry the value of each
setting, defaults included: a changed default reruns the stages that read it and no other."""


def code_words(module: str) -> list[str]:
    """What a command runs: a word for each of its modules that holds code.

    Args:
        module: dotted name, as in `python -m unigs.prepare.clip.crop`.

    Returns:
        Words such as `unigs.geometry.cameras:0f3c9a51e2d7`, sorted. Where the checkout lies does
        not change them.

    Raises:
        ModuleNotFoundError: the package has no such module.
    """
    words = [(name, _facts().of(file_of(name)).digest) for name in closure(module)]
    _facts().keep()
    return [f"{name}:{digest}" for name, digest in words if digest]


def content_words(files: Iterable[Path]) -> list[str]:
    """What files hold, byte for byte: a word with name and hash for each.

    Args:
        files: files of the checkout; their folders do not count.
    """
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return [f"{name}:{digest[:DIGITS]}" for name, digest in sorted(digests.items())]


@functools.cache
def closure(module: str) -> tuple[str, ...]:
    """Dotted names of a module and of all modules of this package that it imports.

    Args:
        module: dotted name of a module.

    Returns:
        Sorted names, with the packages that the modules lie in, without `TALK` and `SETTINGS`.

    Raises:
        ModuleNotFoundError: the package has no such module.
    """
    if file_of(module) is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    seen, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name in seen or not _counts(name) or file_of(name) is None:
            continue
        seen.add(name)
        todo += _facts().of(file_of(name)).imports
        todo += [name.rpartition(".")[0]] if "." in name else []
    return tuple(sorted(seen))


@functools.cache
def file_of(module: str) -> Path | None:
    """Source file of a dotted name of this package; None if it has no such module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if module.split(".")[0] == "unigs" and file.exists():
            return file
    return None


def _counts(module: str) -> bool:
    return module not in TALK and module.rpartition(".")[0] != SETTINGS


@functools.cache
def _facts() -> SourceFacts:
    return SourceFacts(PACKAGE / "__pycache__")
