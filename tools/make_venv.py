"""Make a virtual environment with pip, also where the system's Python lacks ensurepip (Debian).

`python3 tools/make_venv.py FOLDER` uses the standard library alone, since nothing is installed yet.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
from pathlib import Path

PIP = "26.2"
"""Version of pip that is fetched where the system has none."""
INDEX = "https://pypi.org/pypi/pip/{version}/json"
"""Where the address and the checksum of pip's wheel are asked for."""
TIMEOUT = 60.0
"""Seconds without an answer after which a download is given up."""


def make(folder: Path) -> None:
    """Make the environment; an existing one is kept.

    Raises:
        SystemExit: pip can be had neither from the system nor from the index.
    """
    with_pip = importlib.util.find_spec("ensurepip") is not None and _ensurepip_works()
    venv.create(folder, with_pip=with_pip, symlinks=os.name != "nt")
    if not with_pip:
        _fetch_pip(folder / "bin" / "python")


def _ensurepip_works() -> bool:
    """Whether ensurepip finds its wheel: Debian ships the module and keeps the wheel apart."""
    done = subprocess.run([sys.executable, "-m", "ensurepip", "--version"], capture_output=True)
    return done.returncode == 0


def _fetch_pip(python: Path) -> None:
    """Install pip from its wheel, which can run itself, after comparing its checksum."""
    try:
        with urllib.request.urlopen(INDEX.format(version=PIP), timeout=TIMEOUT) as answer:
            files = json.load(answer)["urls"]
        wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
        with urllib.request.urlopen(wheel["url"], timeout=TIMEOUT) as answer:
            content = answer.read()
    except (OSError, ValueError, KeyError, StopIteration) as error:
        sys.exit(
            f"error: this Python has no pip, and none could be fetched ({error}): install it with "
            "the system's own means (Debian: apt-get install python3-venv ca-certificates) and "
            "run make setup again."
        )
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        sys.exit("error: pip arrived damaged: run make setup again.")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / wheel["filename"]
        path.write_bytes(content)
        subprocess.run([str(python), f"{path}/pip", "install", "-q", str(path)], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 tools/make_venv.py FOLDER")
    make(Path(sys.argv[1]))
