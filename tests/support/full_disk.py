"""Folders on a disk that is soon full, and on one that takes nothing."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def full_disk(parent: Path, kilobytes: int) -> Iterator[Path]:
    """A folder that takes so many kilobytes; the test is skipped where none can be mounted."""
    folder = parent / "small disk"
    folder.mkdir()
    with _mounted(folder, f"size={kilobytes}k"):
        yield folder


@contextlib.contextmanager
def read_only_disk(folder: Path, fill: Callable[[Path], None]) -> Iterator[Path]:
    """A folder whose disk takes no more changes, not even root's; skipped as above.

    Args:
        folder: an empty folder.
        fill: puts files into it before.
    """
    with _mounted(folder, "size=64m"):
        fill(folder)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield folder


@contextlib.contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
