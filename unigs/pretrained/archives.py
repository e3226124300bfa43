"""One file out of an archive. Nothing else of it is written, and nothing of it is run."""

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

BLOCK = 1 << 20
"""Bytes that are copied at once."""


def take_member(archive: Path, member: str, size: int, sha256: str, out: Path) -> None:
    """Write a member of an archive to a path of one's own choice.

    Args:
        archive: a .zip or .whl file, or a .tar.gz or .tgz.
        member: path inside the archive.
        size: bytes that the member must have.
        sha256: checksum that the member must have, in hex.
        out: file to write.

    Raises:
        ValueError: the archive is damaged, or its member is not there or another one.
    """
    digest, left = hashlib.sha256(), size
    try:
        with _opened(archive, member, size) as file, open(out, "wb") as copy:
            # One byte more than there may be: a member can be longer than its archive says.
            while block := file.read(min(BLOCK, left + 1)):
                left -= len(block)
                if left < 0:
                    break
                digest.update(block)
                copy.write(block)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"the archive {archive.name} is damaged: {error}") from None
    if left or digest.hexdigest() != sha256:
        raise ValueError(f"{member} in {archive.name} is another file than the catalogue's")


@contextmanager
def _opened(archive: Path, member: str, size: int) -> Iterator[BinaryIO]:
    """A member of an archive, to be read.

    Raises:
        ValueError: there is no such file in it, or it has another size.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            found = [entry for entry in packed.infolist() if entry.filename == member]
            if len(found) != 1 or found[0].file_size != size:
                raise ValueError(f"{archive.name} holds no {member} of {size} bytes")
            with packed.open(found[0]) as file:
                yield file
        return
    with tarfile.open(archive, "r:gz") as packed:
        for entry in packed:
            if entry.name == member and entry.isreg() and entry.size == size:
                with packed.extractfile(entry) as file:
                    yield file
                return
    raise ValueError(f"{archive.name} holds no {member} of {size} bytes")
