"""What the doctor says: findings, each with what it costs and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass

from unigs.stage.printed import finding_text

OK, LOOK, STOP = "ok", "look", "stop"
"""Marks of a finding: nothing is wrong; something costs quality or time; nothing runs this way."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    """What was looked at, in a word or two."""
    found: str
    """What was found, a clause without its full stop."""
    costs: str = ""
    """What that costs, a clause; empty where nothing is wrong."""
    remedy: str = ""
    """What to do about it, a clause; empty where nothing is wrong."""
    mark: str = OK
    """OK, LOOK or STOP."""

    def text(self) -> str:
        """The finding as people read it, lines joined by line breaks."""
        words = f"{self.about}: {'; '.join(filter(None, (self.found, self.costs)))}"
        return finding_text(self.mark, words, self.remedy)


def report(findings: Iterable[Finding]) -> str:
    """All findings as text, each on lines of its own, and a closing line that counts them."""
    listed = list(findings)
    counts = {mark: sum(f.mark == mark for f in listed) for mark in (STOP, LOOK)}
    if counts[STOP]:
        closing = f"{counts[STOP]} to put right before anything runs, {counts[LOOK]} to look at."
    elif counts[LOOK]:
        closing = f"{counts[LOOK]} to look at; nothing stands in the way."
    else:
        closing = "Nothing is wrong."
    return "\n".join([*(finding.text() for finding in listed), "", closing])
