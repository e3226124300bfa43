"""What a process that was killed (kill -9) leaves half done: the next one that comes by removes it.

Whoever works on a file or folder under a passing name holds a lock on it, which the system releases
when the process ends, however it ends. What bears such a name and is held by nobody is left over.
A folder must hold the program's own marker as well, since all that lies in it goes with it.
"""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from unigs.stage.disk import FullDiskError, is_full
from unigs.stage.errors import UserError

RANDOM = "[a-z0-9_]{8}"
"""What `tempfile` puts into the names that it makes up."""
PREFIX = ".unigs-scratch-"
"""Start of the names of scratch folders, which nobody types."""
MARKER = "made-by-unigs"
"""Empty file in each scratch folder. A folder without it was made by somebody else and stays."""
YOUNG = 10.0
"""Seconds after a change in which nothing counts as left over: its maker may not yet hold it."""


@contextlib.contextmanager
def held(handle: int) -> Iterator[None]:
    """Hold an open file or folder against `remove_leftovers`, then close it.

    File systems without locks hold nothing, and none of their files is ever found left over.
    """
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Give a folder that vanishes after the block; it holds nothing but `MARKER`.

    Args:
        parent: where to make it, with what is missing above it; None: in the folder for temporary
            files (TMPDIR).

    Raises:
        FullDiskError: its disk is full.
        UserError: the folder takes no files, or the path is one.
    """
    parent, made = Path(parent or tempfile.gettempdir()), False
    try:
        parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(parent, PREFIX, "", folders=True)
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as folder:
            with held(os.open(folder, os.O_RDONLY)):
                # Only now: a folder that holds the marker and no lock has lost its maker.
                Path(folder, MARKER).touch(exist_ok=False)
                made = True
                yield Path(folder)
    except Exception as error:
        if is_full(error):
            raise FullDiskError(
                f"the disk of the scratch folder {parent} is full: make room, or set TMPDIR to a "
                "folder on a larger disk."
            ) from None
        if not made and isinstance(error, OSError):
            raise UserError(
                f"nothing can be written into {parent} ({error.strerror}): let people write to "
                "this folder, or choose another place."
            ) from None
        raise


def remove_leftovers(folder: Path, prefix: str, suffix: str, folders: bool = False) -> None:
    """Remove what this user's killed processes left in a folder under passing names.

    Args:
        folder: where to look, not in its folders.
        prefix: what the names begin with, before the random letters.
        suffix: what they end with, after the random letters.
        folders: remove folders that hold `MARKER`; else files, and never a folder.
    """
    name = re.compile(f"{re.escape(prefix)}{RANDOM}{re.escape(suffix)}")
    for path in [Path(entry) for entry in os.scandir(folder) if name.fullmatch(entry.name)]:
        with contextlib.suppress(OSError):
            _remove_if_left(path, folders)


def _remove_if_left(path: Path, is_folder: bool) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        state = os.fstat(handle)
        ours = (path / MARKER).is_file() if is_folder else stat.S_ISREG(state.st_mode)
        old = time.time() - state.st_mtime > YOUNG
        if ours and state.st_uid == os.getuid() and old and _lock(handle):
            shutil.rmtree(path) if is_folder else path.unlink()
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open file or folder until it is closed. Returns whether that was possible."""
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
