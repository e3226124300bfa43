"""The sha256 of files."""

import hashlib
from pathlib import Path


def checksum(path: Path) -> str:
    """The sha256 of a file in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
