"""Which files of this package a stage runs: the inputs that make its rule run again.

Snakemake sees when a command changes, but not when a module behind it does. So every rule lists
the modules that its command imports. They are read off the source, without importing anything
(the workflow itself needs no torch), and by the standard library alone.
"""

import ast
import functools
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
"""Folder of the package `unigs` that the workflow runs."""
NOT_INPUTS = {"unigs.stage.cli", "unigs.stage.errors", "unigs.stage.progress"}
"""How a stage talks to people: a reworded message must not cost a training."""


def code_inputs(module: str) -> list[Path]:
    """Source files of `module` and of all modules of this package that it imports.

    Args:
        module: dotted name, as in `python -m unigs.prepare.clip.crop`.

    Returns:
        Sorted paths, without the modules of `NOT_INPUTS` and `__init__` files without code.

    Raises:
        ModuleNotFoundError: the package has no such module.
    """
    if file_of(module) is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    seen, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name in seen or name in NOT_INPUTS or file_of(name) is None:
            continue
        seen.add(name)
        todo += _imports(file_of(name))
        todo += [name.rpartition(".")[0]] if "." in name else []
    return sorted(file_of(name) for name in seen if _has_code(file_of(name)))


@functools.cache
def file_of(module: str) -> Path | None:
    """Source file of a dotted name of this package; None if it has no such module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if module.split(".")[0] == "unigs" and file.exists():
            return file
    return None


@functools.cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def _has_code(file: Path) -> bool:
    """Whether a file holds more than a docstring."""
    body = _tree(file).body
    return len(body) > 1 or (len(body) == 1 and not isinstance(body[0], ast.Expr))


@functools.cache
def _imports(file: Path) -> list[str]:
    """Dotted names that a file may import from this package, inside functions too."""
    names = []
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] == "unigs"]
