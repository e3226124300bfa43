"""What one source file says that code words are made of: its imports, and a hash of what it does.

Both are read off the syntax tree. Three hundred trees take two seconds at every start of Snakemake,
so that what was found is kept in the package's `__pycache__`, with the hash of each file's text: of
a file that has changed it says nothing. Where that folder cannot be written to, all are read anew.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

DIGITS = 12
"""Hexadecimal digits of a hash: enough to tell the versions of one file apart."""


class Facts(NamedTuple):
    """What one source file says."""

    imports: list[str]
    """Dotted names that the file may import from this package, inside functions too."""
    digest: str
    """Hash of what the file does; empty if that is nothing."""


class SourceFacts:
    """The facts of source files, as far as possible from an earlier process.

    Args:
        folder: where what was found is kept from one process to the next.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "source_facts.json"
        self.kept = self._kept()
        self.found: dict[Path, Facts] = {}
        self.new = False

    def of(self, file: Path) -> Facts:
        """The facts of a source file."""
        if file not in self.found:
            self.found[file] = self._look(file)
        return self.found[file]

    def keep(self) -> None:
        """Leave what was found for the next process: as a whole or, without room, not at all."""
        if not self.new:
            return
        text = json.dumps({"made_by": _made_by(), "facts": self.kept})
        self.new = False
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.file.parent) as folder:
                written = Path(folder) / self.file.name
                written.write_text(text, encoding="utf-8")
                written.replace(self.file)

    def _look(self, file: Path) -> Facts:
        text = file.read_bytes()
        content = hashlib.sha256(text).hexdigest()
        before, *facts = self.kept.get(str(file), [None])
        if before == content:
            return Facts(*facts)
        tree = ast.parse(text, filename=str(file))
        facts = Facts(_imports(tree), _digest(tree))
        self.kept[str(file)] = [content, *facts]
        self.new = True
        return facts

    def _kept(self) -> dict[str, list]:
        """What an earlier process found, if it looked in the same way: content, imports, digest."""
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return found["facts"] if found["made_by"] == _made_by() else {}
        except (OSError, ValueError, TypeError, KeyError):
            return {}


@functools.cache
def _made_by() -> list[str]:
    """Whose facts they are: this module's text, and the Python whose syntax trees it read."""
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return [own, ".".join(map(str, sys.version_info[:2]))]


def _digest(tree: ast.Module) -> str:
    statements = _shape(tree.body)
    return hashlib.sha256(statements.encode()).hexdigest()[:DIGITS] if statements else ""


def _shape(part: object) -> str:
    """A part of a syntax tree as text, without docstrings, positions and empty fields.

    Fields that are absent are left out, since each version of Python adds some.
    """
    if isinstance(part, list):
        return ",".join(_shape(item) for item in part if not _says_nothing(item))
    if isinstance(part, ast.AST):
        fields = (f"{k}={_shape(v)}" for k, v in ast.iter_fields(part) if v not in (None, []))
        return f"{type(part).__name__}({';'.join(fields)})"
    return repr(part)


def _says_nothing(statement: object) -> bool:
    """Whether a statement is a docstring, of a name or a field too, or states the version."""
    if isinstance(statement, ast.Assign):
        names = [getattr(target, "id", None) for target in statement.targets]
        return names == ["__version__"]
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _imports(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] == "unigs"]
