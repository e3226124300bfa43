"""The tables of docs/reliability.md and docs/troubleshooting.md, from what tests of faults told.

`make reliability` runs the tests of tests/faults, which write tests/faults/records.json
(`tests/support/fault_records.py`), and then `python -m tools.reliability`. A test fails when the
documents are out of step with the records, or the records with the table of bad input.
"""

import html
import json
from pathlib import Path

from tools.markers import fill, table

REPOSITORY = Path(__file__).parents[1]
RECORDS = REPOSITORY / "tests/faults/records.json"
RELIABILITY = REPOSITORY / "docs/reliability.md"
TROUBLESHOOTING = REPOSITORY / "docs/troubleshooting.md"
FIRST = (
    "Video", "Sound", "Downloads", "Sheet", "Configuration and command line",
    "Features between stages", "Models", "Portraits", "Training", "Disks", "Whole workflows",
)  # fmt: skip
"""Areas in the order in which the tables show them; others follow."""
HEAD = ("fault", "met by", "times", "what was said", "lost")
NOTHING = "nothing"
GROUPS = ("stage", "models", "export")
"""Words behind `unigs` that are followed by the name of what is done."""


def read_records(path: Path = RECORDS) -> tuple[dict[str, list[dict]], list[tuple[str, str]]]:
    """Records by area, and the tests that were skipped with their reasons.

    Args:
        path: file that `--fault-records` wrote.
    """
    areas: dict[str, list[dict]] = {}
    skipped = []
    for node, records in json.loads(path.read_text(encoding="utf-8")).items():
        for record in records:
            if "skipped" in record:
                skipped.append((node.rpartition("::")[2], record["skipped"]))
            else:
                areas.setdefault(record["area"], []).append(record)
    order = [name for name in FIRST if name in areas]
    order += sorted(set(areas) - set(order))
    return {name: areas[name] for name in order}, skipped


def plain(text: str) -> str:
    """Text for a cell, in which no character is markup.

    Args:
        text: what somebody or some program said.
    """
    escaped = html.escape(" ".join(text.split()), quote=False)
    for mark in "|`*[]{}$\\~":
        escaped = escaped.replace(mark, f"&#{ord(mark)};")
    return escaped


def program(command: str) -> str:
    """What of a command line tells which program it is: `crop_clip`, `unigs models add`.

    Args:
        command: as it was typed.
    """
    words = command.split()
    count = 1 if words[:1] != ["unigs"] else 3 if words[1] in GROUPS else 2
    return plain(" ".join(words[:count]).removeprefix("unigs stage "))


def summary(areas: dict[str, list[dict]]) -> str:
    """How much was tried in each area, and what was lost.

    Args:
        areas: records by area.
    """
    rows, totals = [], [0, 0, 0]
    for name, records in areas.items():
        counts = [
            len(records),
            sum(bool(record.get("hostile")) for record in records),
            sum(record["times"] for record in records),
        ]
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
        losses = sum(not record["lost"].startswith(NOTHING) for record in records)
        rows.append([name, *counts, f"see below ({losses})" if losses else NOTHING])
    rows.append(["**all**", *(f"**{count}**" for count in totals), ""])
    head = ("area", "faults", "of these meant to harm", "tried, times", "lost unasked")
    return table(head, rows)


def reliability(areas: dict[str, list[dict]], skipped: list[tuple[str, str]]) -> str:
    """The part of docs/reliability.md that is made from records.

    Args:
        areas: records by area.
        skipped: tests that could not run, with their reasons.
    """
    parts = [summary(areas)]
    for name, records in areas.items():
        rows = (
            [
                plain(record["what"]) + (" (harm)" if record.get("hostile") else ""),
                program(record["command"]),
                record["times"],
                plain(record["said"]) or "it went on",
                plain(record["lost"]),
            ]
            for record in records
        )
        parts += [f"### {name}", table(HEAD, rows)]
    if skipped:
        parts += ["### Not tried where the records were made"]
        parts += [table(("test", "reason"), ([plain(a), plain(b)] for a, b in skipped))]
    return "\n\n".join(parts)


def troubleshooting(areas: dict[str, list[dict]]) -> str:
    """The part of docs/troubleshooting.md that is made from records.

    Args:
        areas: records by area.
    """
    parts = []
    for name, records in areas.items():
        rows = [
            [plain(record["said"]), plain(record["what"]), record["do"]]
            for record in records
            if record.get("do") and record["said"]
        ]
        if rows:
            parts += [f"### {name}", table(("it says", "it means", "what to do"), rows)]
    return "\n\n".join(parts)


def documents() -> dict[Path, str]:
    """Document -> its text with the parts made anew."""
    areas, skipped = read_records()
    parts = {
        RELIABILITY: ("faults", reliability(areas, skipped)),
        TROUBLESHOOTING: ("sentences", troubleshooting(areas)),
    }
    return {path: fill(path.read_text(encoding="utf-8"), *part) for path, part in parts.items()}


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
