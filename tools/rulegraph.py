"""The graph of the rules, without the edges that others imply, as Mermaid in README.md.

`python -m tools.rulegraph` draws it; a test fails when the picture is out of step with the rules.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.markers import fill
from unigs.pretrained.auto import DETECTORS
from unigs.pretrained.catalogue import VARIABLE

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"


def edges() -> set[tuple[str, str]]:
    """Pairs of rules, the second of which needs a result of the first."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js"]
    # The same graph with and without pretrained weights in the checkout: those that find faces,
    # which no run goes without, are taken to be there.
    with tempfile.TemporaryDirectory() as models:
        Path(models, f"{DETECTORS}.safetensors").touch()
        here = os.environ | {VARIABLE: models}
        done = subprocess.run(
            command, cwd=REPOSITORY, env=here, capture_output=True, text=True, check=True
        )
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)", done.stdout, flags=re.M))
    pairs = re.findall(r"^\s*(id\d+) --> (id\d+)", done.stdout, flags=re.M)
    return {(names[a], names[b]) for a, b in pairs}


def reduced(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs that no longer way through other pairs connects (transitive reduction)."""

    def reachable(start: str, without: tuple[str, str]) -> set[str]:
        seen, todo = set(), [start]
        while todo:
            node = todo.pop()
            following = {b for a, b in pairs if a == node and (a, b) != without}
            todo += following - seen
            seen |= following
        return seen

    return {pair for pair in pairs if pair[1] not in reachable(pair[0], pair)}


def mermaid() -> str:
    """The graph as a Mermaid block, sorted, so that it changes only when the rules do."""
    kept = reduced({pair for pair in edges() if pair[1] != "all"})
    lines = [f"    {a} --> {b}" for a, b in sorted(kept)]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def main() -> None:
    """Draw the graph into README.md."""
    text = README.read_text(encoding="utf-8")
    README.write_text(fill(text, "rule graph", mermaid()), encoding="utf-8")


if __name__ == "__main__":
    main()
