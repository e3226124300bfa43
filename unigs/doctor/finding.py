"""What the doctor says: findings, each with what it costs and what to do about it."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

OK, LOOK, STOP = "ok", "look", "stop"
"""Marks of a finding: nothing is wrong; something costs quality or time; nothing runs this way."""
WIDTH = 100
"""Columns of the printed text."""


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
        words = f"{self.about}: {'; '.join(filter(None, (self.found, self.costs)))}."
        words += f" To do: {self.remedy}." if self.remedy else ""
        head = f"{self.mark:5} "
        return textwrap.fill(
            words,
            WIDTH,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_long_words=False,
            break_on_hyphens=False,
        )


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
