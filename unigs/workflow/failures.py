"""What failed jobs said, found by Snakemake's own log: the sentences of the stages."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

JOB = re.compile(r"(?:Error in rule| +rule) (\w+):")
"""Line with which Snakemake begins to tell of a failed job, alone or in a group."""
LOG = re.compile(r" +log: (.+) \(check log file\(s\) for error details\)")
"""Line with the files that the job's command wrote to."""
SAID = ("error: ", "interrupted: ")
"""Beginnings of a stage's last words where it knew what was wrong."""


def failures(snakemake_log: str) -> list[str]:
    """What was wrong with each failed job: its rule, a sentence, and the job's log.

    Args:
        snakemake_log: text of Snakemake's log of the run.
    """
    found = [
        f"{rule}: {said} ({path})"
        for rule, path in _logs(snakemake_log)
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


def _logs(text: str) -> Iterator[tuple[str, str]]:
    """Rule and log of each failed job."""
    rule = ""
    for line in text.splitlines():
        if job := JOB.fullmatch(line):
            rule = job[1]
        elif rule and (named := LOG.fullmatch(line)):
            # A name may hold a comma itself.
            paths = [named[1]] if Path(named[1]).is_file() else named[1].split(", ")
            yield from ((rule, path) for path in paths)
            rule = ""


def _said(path: Path) -> str | None:
    """The sentence that a stage ended with, or None where it did not know what was wrong."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return None
    said = [line for line in lines if line.startswith(SAID)]
    return said[-1].removeprefix(SAID[0]) if said else None
