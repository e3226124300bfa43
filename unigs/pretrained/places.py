"""Where a package registry keeps a file: the index that pip is told of, the registry that npm is.

Packages are downloaded as files and never installed or imported; pip and npm take no part.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from unigs.pretrained.catalogue import SourceFile
from unigs.stage.download import Manner, TransferError, download
from unigs.stage.errors import UserError

PYPI, NPM = "https://pypi.org/simple", "https://registry.npmjs.org"
"""Registries that are asked where nothing else is configured."""
LARGEST_PAGE = 50_000_000
"""Bytes that the page of a package may have."""
PAGES = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
"""Kinds of pages that are understood, the better one first (PEP 691)."""
SILENCE = 20
"""Seconds without a byte after which a server is given up: there may be another."""
UNREACHED: set[str] = set()
"""Hosts that this process could not reach, and does not try again."""
Headers = dict[str, str]
"""What a server is told besides the address."""


def place_of(file: SourceFile) -> tuple[str, Headers]:
    """Address of a file, and what its server must be told: name and password, if it asks for one.

    Args:
        file: a file of the catalogue.

    Raises:
        UserError: the registry cannot be reached, or has no such file.
    """
    if file.url:
        return file.url, {}
    if file.npm:
        registry, headers = _without_password(os.environ.get("npm_config_registry") or NPM)
        return f"{registry.rstrip('/')}/{file.npm}/-/{file.file}", headers
    index, headers = _without_password(pip_index())
    page = f"{index.rstrip('/')}/{file.pypi}/"
    address = _listed(page, file.file, headers)
    same = urlsplit(address).netloc == urlsplit(page).netloc
    return address, headers if same else {}


def reach(address: str, out: Path, **manner: Any) -> None:
    """Download a file, unless its host is known to be out of reach.

    Args:
        address: its address.
        out: file to write.
        manner: fields of `unigs.stage.download.Manner`.

    Raises:
        UserError: the file did not come.
    """
    host = urlsplit(address).hostname or ""
    if host in UNREACHED:
        raise UserError(f"{host} cannot be reached.")
    try:
        download(address, out, Manner(insist=False, silence=SILENCE, **manner))
    except TransferError as error:
        if not error.reached:
            UNREACHED.add(host)
        raise


def pip_index() -> str:
    """Address of the index that pip is configured with."""
    if given := os.environ.get("PIP_INDEX_URL"):
        return given
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    told = subprocess.run(command, capture_output=True, text=True, errors="replace")
    return told.stdout.strip() if told.returncode == 0 and told.stdout.strip() else PYPI


def links(text: str, base: str) -> dict[str, str]:
    """Files that the page of a package lists: name -> address.

    Args:
        text: the page, in either form: JSON or HTML.
        base: its address, for those of its links that are relative.

    Raises:
        ValueError: the page is neither.
    """
    try:
        found = {file["filename"]: file["url"] for file in json.loads(text)["files"]}
    except json.JSONDecodeError:
        page = _Page()
        page.feed(text)
        found = page.links
    except (KeyError, TypeError) as error:
        raise ValueError(f"the page lists no files: {error!r}") from None
    return {name: urljoin(base, url).partition("#")[0] for name, url in found.items()}


def _listed(page: str, name: str, headers: Headers) -> str:
    """Address of a file on the page of its package.

    Raises:
        UserError: the page cannot be had, or does not list the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page"
        reach(page, copy, limit=LARGEST_PAGE, headers={"Accept": PAGES, **headers})
        try:
            return links(copy.read_text(encoding="utf-8"), page)[name]
        except (ValueError, KeyError):
            raise UserError(f"{page} does not list {name}.") from None


def _without_password(address: str) -> tuple[str, Headers]:
    """An address without name and password, and the header that says them."""
    parts = urlsplit(address)
    person, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, {}
    secret = base64.b64encode(unquote(person).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {secret}"}


class _Page(HTMLParser):
    """The links of a page, by the text that they bear."""

    def __init__(self) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.address = dict(attrs).get("href") or "" if tag == "a" else self.address

    def handle_data(self, data: str) -> None:
        if self.address and data.strip():
            self.links[data.strip()], self.address = self.address, ""
