"""Phone times: which sound is spoken when, of speech whose text a synthesizer knew."""

import re
from pathlib import Path
from typing import NamedTuple

from unigs.stage.errors import UserError
from unigs.stage.files import load_npz

BILABIALS = frozenset("pbm")
"""Sounds for which the lips must meet, in flite's symbols and in those of the synthetic speaker."""
PAUSES = frozenset({"pau", "_"})
"""Silence, in flite's symbols and in those of the synthetic speaker."""


class Phone(NamedTuple):
    """A sound and its time."""

    symbol: str
    start: float
    """Seconds."""
    end: float
    """Seconds."""


def read_flite(text: str) -> list[Phone]:
    """Phones of what `flite -psdur` prints: `pau:0.210 hh:0.269 ...`, each with its END.

    A recording of several utterances starts its clock anew with each of them.

    Args:
        text: the output.

    Raises:
        UserError: it holds no phones.
    """
    found, begin, last = [], 0.0, 0.0
    for symbol, number in re.findall(r"([a-z]+):([\d.]+)", text):
        end = float(number)
        if end < last:
            begin, last = begin + last, 0.0
        found.append(Phone(symbol, begin + last, begin + end))
        last = end
    if not found:
        raise UserError("there are no phone times in the text: give what flite -psdur prints.")
    return found


def read_phones(path: Path) -> list[Phone]:
    """Phones of a recording, from a text that flite printed or the synthetic speaker's truth.

    Args:
        path: the file; the truth ends in .npz.

    Raises:
        UserError: the file is missing or holds no phones.
    """
    if path.suffix == ".npz":
        return read_speaker(path)
    try:
        return read_flite(path.read_text())
    except (OSError, UnicodeDecodeError, UserError):
        raise UserError(
            f"{path} holds no phone times: write into it what flite -psdur prints."
        ) from None


def read_speaker(truth: Path) -> list[Phone]:
    """Phones of the synthetic speaker, from the ground truth beside its video.

    Args:
        truth: the .npz file that make_speaker writes, with `phones` and `phone_starts`.

    Raises:
        UserError: the file is missing, damaged, or holds no phones.
    """
    content = load_npz(truth, "phones", "phone_starts")
    symbols, edges = content["phones"], content["phone_starts"]
    if symbols.ndim != 1 or edges.shape != (len(symbols) + 1,):
        raise UserError(f"{truth} has other numbers of phones than of times: make it anew.")
    symbols, edges = symbols.tolist(), edges.tolist()
    return [Phone(*row) for row in zip(symbols, edges[:-1], edges[1:], strict=True)]


def merged_pauses(phones: list[Phone]) -> list[Phone]:
    """The pauses, those that follow each other without a gap as one."""
    found: list[Phone] = []
    for phone in phones:
        if phone.symbol not in PAUSES:
            continue
        if found and phone.start <= found[-1].end + 1e-6:
            found[-1] = found[-1]._replace(end=phone.end)
        else:
            found.append(phone)
    return found
