"""The ffmpeg binary: the one that imageio-ffmpeg carries, else the one found on PATH."""

import functools
import os
import re
import subprocess
from pathlib import Path

import imageio_ffmpeg

from unigs.stage.disk import full_disk_of
from unigs.stage.errors import UserError

DAMAGE = re.compile(
    r"invalid nal unit|error while decoding|invalid data found|corrupt|concealing|damaged"
    r"|ebml|exceeds containing|truncated|error submitting packet",
    re.IGNORECASE,
)
"""Complaints after which pictures or sounds are wrong or missing, though ffmpeg succeeds. Others (a
late reference picture, a time stamp out of order) are usual in files that look right."""
CUT_OFF = re.compile(r"partial file|ended prematurely", re.IGNORECASE)
"""Complaints about a file that ends before its index does."""
UNWRITTEN = ("Error writing trailer", "Error closing file")
"""Complaints after which the end of the output is not on the disk."""


@functools.cache
def ffmpeg_exe() -> str:
    """Path of the ffmpeg binary that this process uses.

    The carried one is the same release everywhere, and one file: it starts in a fifth of the CPU
    time that a distribution's takes to load two hundred libraries. IMAGEIO_FFMPEG_EXE names
    another.

    Raises:
        UserError: there is none.
    """
    carried = sorted((Path(imageio_ffmpeg.__file__).parent / "binaries").glob("ffmpeg-*"))
    if carried and not os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return str(carried[-1])
    try:  # which runs it once, to see whether it can
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise UserError(
            "there is no ffmpeg: install imageio-ffmpeg anew, or put ffmpeg on the PATH."
        ) from None


def file_address(path: Path) -> str:
    """A path as ffmpeg must be given it, so that no name is read as anything but a file.

    Bare, ffmpeg takes `10:30.mp4` for a protocol and `-dash.mp4` for a flag.

    Args:
        path: file to read or to write.

    Raises:
        UserError: its name, or that of a folder above it, is no UTF-8.
    """
    address = f"file:{os.path.abspath(path)}"
    try:
        address.encode()
    except UnicodeEncodeError:  # ffmpeg-python would stumble over it
        shown = os.fsencode(os.path.abspath(path)).decode(errors="backslashreplace")
        raise UserError(
            f"{shown} cannot be given to ffmpeg, since the path is no UTF-8: rename the file, or "
            "the folder of that name."
        ) from None
    return address


def refuse_missing(path: Path, kind: str) -> None:
    """Stop before ffmpeg is given what is no file.

    Args:
        path: file to read.
        kind: what it should be: "video".

    Raises:
        UserError: nothing is there, or a folder, a pipe or a device.
    """
    if not Path(path).is_file():
        what = "is a folder, or no regular file" if Path(path).exists() else "does not exist"
        raise UserError(f"{path} {what}: check the path of the {kind}.")


def run_command(command: list[str], what: str) -> str:
    """Run a command of ffmpeg to its end; return what it complained of nevertheless.

    Args:
        command: see `unigs.media.graphs.command_of`.
        what: what was attempted, for the message ("cut out the audio of clip.mp4").

    Raises:
        UserError: ffmpeg failed; the message ends with the last line that it printed.
    """
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode or unwritten(done.stderr):
        sentence = f"could not {what}: ffmpeg says: {last_line(done.stderr)}"
        raise UserError(sentence) from full_disk_of(done.stderr)
    return done.stderr


def encoders() -> set[str]:
    """Names of what ffmpeg can write; empty if it does not say.

    Raises:
        UserError: there is no ffmpeg.
    """
    command = [ffmpeg_exe(), "-hide_banner", "-encoders"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return set(done.stdout.split()) if done.returncode == 0 else set()


def unwritten(text: str) -> bool:
    """Whether ffmpeg complains that the end of its output is missing.

    Some releases succeed all the same if the disk is full when the last bytes are written.

    Args:
        text: its complaints.
    """
    return any(words in text for words in UNWRITTEN)


def damage(text: str) -> str | None:
    """The first line of ffmpeg's complaints that means damage (see `DAMAGE`), or None."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if DAMAGE.search(line)), None)


def is_cut_off(text: str) -> bool:
    """Whether ffmpeg complains of a file that ends before its index does.

    Args:
        text: its complaints.
    """
    return CUT_OFF.search(text) is not None


def is_refused_format(text: str) -> bool:
    """Whether ffmpeg complains of a format that it was not allowed to read.

    Args:
        text: its complaints.
    """
    return "Format not on whitelist" in text


def last_line(text: str) -> str:
    """The last line of `text` that is not blank; "nothing" if all are."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
