"""Where a clip is from, by whose leave a portrait is made of it, and what it may be used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

LONGEST = 500
"""Characters of a text that is taken over from a file."""
INTENDED_USE = (
    "Research, and videos whose person agreed to them and whose viewers are told that they are "
    "synthetic."
)
"""What a portrait is for."""
MISUSE = (
    "Making anybody believe that the person said what a recording says; portraits of people who "
    "did not agree; taking manifest, metadata or mark out to deceive."
)
"""What a portrait must not be used for."""


@dataclass(frozen=True)
class Provenance:
    """Where a clip is from and by whose leave it is used; what is not told is None."""

    source: str | None = None
    """Address, title, or who filmed it."""
    license: str | None = None
    """License or terms under which it may be used."""
    consent: str | None = None
    """How the person agreed to a portrait."""

    def told(self) -> dict[str, str]:
        """What is told, by name."""
        return {name: text for name, text in asdict(self).items() if text}

    def over(self, earlier: Provenance) -> Provenance:
        """The same, with what is not told here taken from an earlier one."""
        return Provenance(**(earlier.told() | self.told()))


UNTOLD = Provenance()
"""Of a clip about which nothing is told."""


def provenance_of(record: object) -> Provenance:
    """What a record of training (run.json, a portrait's own) tells of its clip.

    Args:
        record: JSON value, perhaps a stranger's; what is no text is passed over.
    """
    told = record.get("provenance") if isinstance(record, Mapping) else None
    found = told if isinstance(told, Mapping) else {}
    texts = {field.name: found.get(field.name) for field in fields(Provenance)}
    return Provenance(**{k: v[:LONGEST] for k, v in texts.items() if isinstance(v, str)})
