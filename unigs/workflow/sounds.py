"""Sound files that portraits speak, by the names of the videos that show it."""

import os
from collections.abc import Iterable
from pathlib import Path

from unigs.stage.errors import UserError
from unigs.workflow.paths import never_a_flag, refuse_braces

SUPPLIED = Path("resources/audio")
"""Where people put sound files, as seen from the working directory."""


def spoken(sounds: Iterable[str]) -> dict[str, str]:
    """Name of the video -> sound: a path, or the name of a file in `SUPPLIED` without ending.

    Args:
        sounds: configured sounds; one that stands there twice counts once.

    Raises:
        UserError: two sounds would make videos of one name, or a name holds braces.
    """
    found: dict[str, str] = {}
    for sound in sounds:
        # {subject} stands for each subject's own.
        refuse_braces(sound.replace("{subject}", ""), "videos.audio")
        other = found.setdefault(Path(sound).stem, sound)
        if os.path.abspath(other) != os.path.abspath(sound):
            raise UserError(
                f"videos.audio: {other} and {sound} would both become the talking video "
                f"{Path(sound).stem}.mp4: rename one of them."
            )
    return found


def driving_audio(name: str, sounds: Iterable[str]) -> str:
    """Path of the sound of a video.

    Args:
        name: name of the video without ending.
        sounds: configured sounds; those with a / are paths.

    Returns:
        The configured path of that name, else the file of that name in `SUPPLIED`, whatever its
        format; without either a path there at which no file stands.
    """
    configured = [sound for sound in sounds if "/" in sound]
    supplied = sorted(str(path) for path in SUPPLIED.glob("*"))
    found = [path for path in configured + supplied if Path(path).stem == name]
    return never_a_flag(found[0]) if found else f"{SUPPLIED}/{name}.wav"
