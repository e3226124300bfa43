"""What failed jobs said, found by Snakemake's own log: the sentences of the stages."""

import re
from collections.abc import Iterable
from pathlib import Path

FAILED = re.compile(
    r"^Error in (?:group job|rule) (?P<rule>\w+).*?^    log: (?P<logs>.+?)(?: \(check log|$)",
    re.M | re.S,
)
"""A failed job in Snakemake's log: its rule, and the files that its command wrote to."""
SAID = ("error: ", "interrupted: ")
"""Beginnings of a stage's last line where it knew what was wrong."""


def failures(snakemake_log: str) -> list[str]:
    """What was wrong with each failed job, a sentence with the name of its rule and its log.

    Args:
        snakemake_log: text of Snakemake's log of the run.
    """
    found = [
        f"{match['rule']}: {said} ({path})"
        for match in FAILED.finditer(snakemake_log)
        for path in match["logs"].split(", ")
        if (said := _said(Path(path)))
    ]
    return list(dict.fromkeys(found))


def told(logs: str | Path | Iterable[str | Path] | None) -> str:
    """The same for the end of a run, as lines; empty where no stage said anything.

    Args:
        logs: Snakemake's log or logs, as `onerror` is given them.
    """
    paths = [logs] if isinstance(logs, str | Path) else (logs or [])
    texts = [Path(path).read_text(errors="replace") for path in paths if Path(path).is_file()]
    sentences = [sentence for text in texts for sentence in failures(text)]
    return "\n".join(
        ["What went wrong:", *(f"  {line}" for line in sentences)] if sentences else []
    )


def _said(path: Path) -> str | None:
    """The sentence that a stage ended with, or None where it did not know what was wrong."""
    try:
        lines = path.read_text(errors="replace").split("\n")
    except OSError:
        return None
    said = [line for line in lines if line.startswith(SAID)]
    return said[-1].removeprefix(SAID[0]) if said else None
