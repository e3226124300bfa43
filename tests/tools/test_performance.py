"""The tables of docs/performance.md are those of the files in benchmarks/results."""

import json

from tools.performance import DOCUMENT, MACHINE, RESULTS, document


def test_tables_are_those_of_the_results():
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "python -m tools.performance"


def test_a_step_and_a_frame_are_told_as_they_were_timed():
    def row(name, group, candidate):
        rows = json.loads((RESULTS / f"{name}-{MACHINE}.json").read_text())["rows"]
        of = group, "20000 Gaussians, 480 px", candidate, 2
        return next(r for r in rows if (r["group"], r["size"], r["name"], r["threads"]) == of)

    text = document()
    step = row("training", "A dynamic step of unigs_plus", "unigs")["median_ms"]
    frames = row("playback", "Ten frames of a talking portrait", "player")["median_ms"]
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| 20000, 480 | ")]
    assert [line[2] for line in lines[1:]] == [f"{step:.0f}", f"{10_000 / frames:.0f}"]
