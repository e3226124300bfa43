"""Make a virtual environment with pip, also where the system's Python lacks ensurepip (Debian).

pip's wheel then comes from the index that pip would ask: mirrors have its pages, and often nothing
else of pypi.org.

`python3 tools/make_venv.py FOLDER` uses the standard library alone, since nothing is installed yet.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

WHEEL = "pip-26.2-py3-none-any.whl"
"""Wheel of pip that is fetched where the system has none."""
SHA256 = "931c303696af6fa3417112103b1cad26890e5a07eccb5b99783700e33f2b8aad"
"""Its checksum."""
INDEX = "https://pypi.org/simple"
"""Index of packages that is asked where PIP_INDEX_URL names none."""
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
    index, headers = _without_password(os.environ.get("PIP_INDEX_URL") or INDEX)
    page = f"{index.rstrip('/')}/pip/"
    try:
        listed = _download(page, {"Accept": "text/html", **headers}).decode()
        link = re.search(rf'href="([^"]*{re.escape(WHEEL)})[#"]', listed)
        if link is None:
            raise ValueError(f"{page} does not list {WHEEL}")
        address = urljoin(page, link[1])
        content = _download(address, headers if address.startswith(index) else {})
    except (OSError, ValueError) as error:
        sys.exit(
            f"error: this Python has no pip, and none could be fetched ({error}): install it with "
            "the system's own means (Debian: apt-get install python3-venv ca-certificates) and "
            "run make setup again."
        )
    if hashlib.sha256(content).hexdigest() != SHA256:
        sys.exit("error: pip arrived damaged: run make setup again.")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / WHEEL
        path.write_bytes(content)
        subprocess.run([str(python), f"{path}/pip", "install", "-q", str(path)], check=True)


def _download(address: str, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(address)
    for name, value in headers.items():
        request.add_unredirected_header(name, value)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return answer.read()


def _without_password(address: str) -> tuple[str, dict[str, str]]:
    """An address without name and password, and the header that says them."""
    parts = urlsplit(address)
    person, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, {}
    secret = base64.b64encode(unquote(person).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {secret}"}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 tools/make_venv.py FOLDER")
    make(Path(sys.argv[1]))
