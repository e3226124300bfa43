"""Tags of a media file: title, comment and the like, in its container's metadata."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from unigs.media import graphs
from unigs.media.ffmpeg import last_line
from unigs.stage.errors import UserError

LINE = re.compile(r"((?:[^=\\\n]|\\.|\\\n)+)=((?:[^\\\n]|\\.|\\\n)*)\n?")
"""A line of ffmpeg's text form of tags; a backslash takes away what the next character means."""
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def read_tags(path: Path) -> dict[str, str]:
    """Tags of a file by name, in small letters.

    Args:
        path: a media file.

    Raises:
        UserError: the file is missing, or ffmpeg cannot read it.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist: check the path.")
    done = subprocess.run(graphs.command_of(graphs.tags(path)), capture_output=True)
    if done.returncode:
        reason = last_line(done.stderr.decode(errors="replace"))
        raise UserError(f"{path} is no media file that ffmpeg can read: it says: {reason}")
    return parse_tags(done.stdout.decode(errors="replace"))


def parse_tags(text: str) -> dict[str, str]:
    """Tags of a whole file out of ffmpeg's text form; those of streams and chapters are left out.

    Args:
        text: what `-f ffmetadata` wrote.
    """
    found, position = {}, text.find("\n") + 1
    while match := LINE.match(text, position):
        name, value = (ESCAPE.sub(r"\1", part) for part in match.groups())
        found[name.lower()] = value
        position = match.end()
    return found
