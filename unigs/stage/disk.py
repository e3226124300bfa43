"""Full disks: told from other errors, and met before mapped memory crashes on them."""

import errno
import os
import shutil
from pathlib import Path
from typing import IO

import numpy as np

from unigs.stage.errors import UserError

FULL = {errno.ENOSPC, errno.EDQUOT}
"""What the system says of a full disk, and of a quota that is used up."""


class FullDiskError(UserError):
    """A disk is full, and the message says which."""


def is_full(error: BaseException | None) -> bool:
    """Whether a full disk (or quota) stands at the root of an error that does not yet say which.

    Libraries stumble over their own clean-up after it, so the errors behind the error count.

    Args:
        error: what was raised.
    """
    while error is not None and not isinstance(error, FullDiskError):
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def full_disk_of(text: str) -> OSError | None:
    """The error of a full disk that another program's complaints tell of, to raise from; else None.

    Args:
        text: what the program printed.
    """
    codes = [code for code in FULL if os.strerror(code) in text]
    return OSError(codes[0], os.strerror(codes[0])) if codes else None


def mapped(file: IO[bytes], shape: tuple[int, ...], folder: Path, of: Path) -> np.ndarray:
    """An array of bytes in a file whose space is taken now.

    A full disk that is met later, in mapped memory, ends the process (SIGBUS).

    Args:
        file: open for reading and writing.
        shape: of the array.
        folder: where the file lies.
        of: the video whose frames are kept there, for the message.

    Raises:
        FullDiskError: the folder for temporary files is too small.
    """
    size = int(np.prod(shape))
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        free = shutil.disk_usage(folder).free
        raise FullDiskError(
            f"the temporary folder {folder} has {free / 1e9:.3g} GB free but the frames of {of} "
            f"need {size / 1e9:.3g} GB ({error.strerror}): make room, or set TMPDIR to a folder on "
            "a larger disk."
        ) from None
    return np.memmap(file, np.uint8, "r+", shape=shape)
