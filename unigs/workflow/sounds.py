"""Sound files that portraits speak, by the names of the videos that show it."""

from collections.abc import Iterable
from pathlib import Path

SUPPLIED = Path("resources/audio")
"""Where people put sound files, as seen from the working directory."""


def spoken(sounds: Iterable[str]) -> dict[str, str]:
    """Name of the video -> sound: a path, or the name of a file in `SUPPLIED` without ending."""
    return {Path(sound).stem: sound for sound in sounds}


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
    return found[0] if found else f"{SUPPLIED}/{name}.wav"
