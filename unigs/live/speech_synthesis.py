"""Text to sound: espeak-ng where it is installed, any command, or a package's own.

A package offers one by an entry point in the group `unigs.speech_synthesis`: a function without
arguments that returns a `SpeechSynthesis`.
"""

from __future__ import annotations

import importlib.metadata
import shlex
import shutil
import subprocess
import tempfile
import unicodedata
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from unigs.live.sound import SOUND_RATE
from unigs.media.audio import read_audio
from unigs.stage.errors import UserError

GROUP = "unigs.speech_synthesis"
"""Group of entry points."""
USUAL = "espeak-ng"
"""What speaks where nothing else is named."""
LONGEST_TEXT = 2000
"""Characters of a text."""
SECONDS = 20
"""Seconds after which a command is given up."""


@runtime_checkable
class SpeechSynthesis(Protocol):
    """Something that speaks a text."""

    name: str
    """What it is called; its voice is remembered by it."""

    def speak(self, text: str) -> np.ndarray:
        """The sound of a text, float32 [n] at 48 kHz, full scale 1.

        Args:
            text: a sentence or a few, without control characters.

        Raises:
            UserError: it cannot be spoken; the message says why.
        """


class Command:
    """A program that reads a text (UTF-8) and writes a sound file in any format that ffmpeg reads.

    Args:
        words: the command line, which no shell sees.
        name: what it is called.
    """

    def __init__(self, words: list[str], name: str) -> None:
        self.words, self.name = words, name

    def speak(self, text: str) -> np.ndarray:
        """The sound that the program writes; see `SpeechSynthesis.speak`."""
        with tempfile.TemporaryDirectory(prefix="unigs-live-") as folder:
            out = Path(folder, "speech.wav")
            try:
                with out.open("wb") as file:
                    done = subprocess.run(
                        self.words, input=text.encode(), stdout=file, stderr=subprocess.PIPE,
                        timeout=SECONDS,
                    )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise UserError(
                    f"{self.name} did not speak within {SECONDS} seconds: give it less to say."
                ) from None
            except OSError as error:
                raise UserError(f"{self.name} does not start: {error.strerror}.") from None
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip().splitlines()
                reason = said[-1] if said else f"exit code {done.returncode}"
                raise UserError(f"{self.name} failed: {reason[:200]}")
            try:
                return read_audio(out, SOUND_RATE)
            except UserError:
                raise UserError(
                    f"{self.name} wrote no sound: it has to write a sound file to its output."
                ) from None


def find_synthesis(wanted: str = "") -> SpeechSynthesis | None:
    """What speaks texts.

    Args:
        wanted: name of an entry point, or a command line that reads a text and writes a sound file;
            empty: espeak-ng where it is installed.

    Returns:
        None where nothing was wanted and espeak-ng is not installed.

    Raises:
        UserError: what is wanted is not there.
    """
    if not wanted:
        return Command(_espeak(), USUAL) if shutil.which(USUAL) else None
    for entry in importlib.metadata.entry_points(group=GROUP):
        if entry.name == wanted:
            made = entry.load()()
            if not isinstance(made, SpeechSynthesis):
                raise UserError(f"{wanted} ({entry.value}) is no speech synthesis: it lacks speak.")
            return made
    if wanted == USUAL and shutil.which(USUAL):
        return Command(_espeak(), USUAL)
    try:
        words = shlex.split(wanted)
    except ValueError as error:
        raise UserError(f"the command {wanted!r} cannot be read: {error}.") from None
    if not words or shutil.which(words[0]) is None:
        raise UserError(
            f"there is no speech synthesis {wanted!r}: give the name of one that is installed, or "
            "a command that reads a text from its input and writes a sound file to its output."
        )
    return Command(words, Path(words[0]).name)


def clean_text(text: object) -> str:
    """A text that may be spoken, on one line.

    Raises:
        UserError: it is no text, empty, or too long.
    """
    if not isinstance(text, str):
        raise UserError("there is no text: send one.")
    shown = (" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    plain = " ".join("".join(shown).split())
    if not plain:
        raise UserError("the text is empty: write something to say.")
    if len(plain) > LONGEST_TEXT:
        raise UserError(
            f"the text has {len(plain)} characters, and {LONGEST_TEXT} is the most: send it in "
            "pieces."
        )
    return plain


def _espeak() -> list[str]:
    return [USUAL, "--stdin", "--stdout"]
