"""Compiled kernels: compiler options, and a cache of machine code that sees every kernel file.

Numba keeps machine code beside a kernel's source and compiles anew when that one file changes. But
a kernel also holds what it took from other files: inlined helpers, constants. So the machine code
of all kernels lies in one folder that is named after a digest of all their sources, and an edit of
any of them starts an empty one. A kernel takes numbers and helpers from kernel files alone, that
is from files that import this module and from those of `CONSTANTS`; a test keeps it so.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

PACKAGE = Path(__file__).parents[1]
CONSTANTS = "render/spec.py", "render/harmonics.py"
"""Files without kernels whose numbers kernels take."""
KEPT = 3
"""Folders of machine code that are kept, with the one in use: switching between branches does not
compile anew."""

JIT: dict[str, Any] = {
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
    "error_model": "numpy",
    "nogil": True,
    "boundscheck": False,
}
"""Options that all kernels share. contract: fused multiply-add; reassoc: reductions may use vector
lanes; arcp and nsz: x / y may become x * (1 / y). "nnan" and "ninf" are left out on purpose: masked
lanes may hold infinities."""


def kernel(function: Callable) -> Callable:
    """Compile a kernel at its first call, and keep the machine code for later processes."""
    with _cache_in(cache_folder()):
        return numba.njit(cache=True, **JIT)(function)


def inlined(function: Callable) -> Callable:
    """A helper that becomes part of the kernels that call it."""
    options = {name: JIT[name] for name in ("fastmath", "error_model")}
    return numba.njit(inline="always", **options)(function)


def lane_loop(function: Callable) -> Callable:
    """A loop over vector lanes, made vector code by itself before it becomes part of its kernels.

    It is compiled again in each process that compiles one of its kernels; a cached kernel holds it.
    """
    return numba.njit(forceinline=True, **JIT)(function)


@functools.cache
def kernel_files() -> tuple[Path, ...]:
    """Source files whose text decides the machine code of the kernels."""
    found = [path for path in PACKAGE.rglob("*.py") if b"unigs.compute.jit" in path.read_bytes()]
    return tuple(sorted({*found, *(PACKAGE / name for name in CONSTANTS), Path(__file__)}))


@functools.cache
def cache_folder() -> Path:
    """Folder of the machine code of these sources, made if it is not there.

    It lies in the folder that NUMBA_CACHE_DIR names, else beside the package, else (a package that
    cannot be written to) in the user's cache.
    """
    digest = hashlib.sha256()
    for path in kernel_files():
        digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    name = f"unigs-{digest.hexdigest()[:16]}"
    bases = [PACKAGE / "__pycache__" / "kernels", _user_cache() / "unigs"]
    if wanted := os.environ.get("NUMBA_CACHE_DIR"):
        bases = [Path(wanted)]
    for base in bases[:-1]:
        with contextlib.suppress(OSError):
            return _made(base, name)
    return _made(bases[-1], name)


def _made(base: Path, name: str) -> Path:
    """The folder `name` in `base`, writable; the oldest others beside it are removed.

    Raises:
        OSError: it cannot be made or written to.
    """
    folder = base / name
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written to")
    folder.touch()
    others = sorted(base.glob("unigs-*"), key=lambda path: path.stat().st_mtime)
    for old in others[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@contextlib.contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Let numba choose this folder for the functions that are declared inside."""
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
