"""What tests of faults tell of themselves, gathered into one file: `--fault-records FILE`.

A test says what it tried with the fixture `tried` (tests/conftest.py). Records are kept by test: a
run of some files replaces those of these files, a run of some tests those of these tests, so that
parts can be run on machines that have what they need.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

RECORDS = Path(__file__).parents[1] / "faults/records.json"
"""The records that docs/reliability.md and docs/troubleshooting.md are made from."""
PROPERTY = "fault"
"""Name under which a record travels in a test's report, from xdist's processes, too."""


def add_option(parser: pytest.Parser) -> None:
    """Add `--fault-records`.

    Args:
        parser: of pytest's command line.
    """
    parser.addoption(
        "--fault-records", metavar="FILE", help="write what tests of faults tried to this file"
    )


def recorder(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """The function behind the fixture `tried`."""

    def tried(
        area: str,
        what: str,
        command: str = "",
        said: str = "",
        times: int = 1,
        lost: str = "nothing",
        **more: object,
    ) -> None:
        """Tell what a test tried; it counts if the test passes.

        Args:
            area: heading that it stands under.
            what: what went wrong, as a phrase.
            command: command line that met it.
            said: what the program said.
            times: how often it was tried.
            lost: what of the user's or of finished results was lost.
            **more: further words for the tools.
        """
        record = {"area": area, "what": what, "command": command, "said": said}
        record_property(PROPERTY, {**record, "times": times, "lost": lost, **more})

    return tried


class Collector:
    """Writes the records of all tests at the end of a run.

    Args:
        path: file to write.
        chosen: whether only some tests of a file are run (-k, -m, file::test).
    """

    def __init__(self, path: Path, chosen: bool) -> None:
        self.path, self.chosen, self.found = path, chosen, {}
        self.files: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record of a test that passed, and why one was skipped."""
        self.files.add(report.nodeid.partition("::")[0])
        told = [value for name, value in report.user_properties if name == PROPERTY]
        if report.when == "call" and report.passed and told:
            self.found[report.nodeid] = told
        elif report.skipped and "tests/faults" in report.nodeid:
            reason = report.longrepr[2].removeprefix("Skipped: ")
            self.found[report.nodeid] = [{"skipped": reason}]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write them, beside those of files that were not run and are still there."""
        kept = json.loads(self.path.read_text()) if self.path.is_file() else {}
        root = session.config.rootpath
        for node, records in kept.items():
            file = node.partition("::")[0]
            if (self.chosen or file not in self.files) and (root / file).is_file():
                self.found.setdefault(node, records)
        text = json.dumps(dict(sorted(self.found.items())), indent=1, ensure_ascii=False)
        self.path.write_text(text + "\n", encoding="utf-8")


def configure(config: pytest.Config) -> None:
    """Gather records in the process that starts the others.

    Args:
        config: of pytest.
    """
    path = config.getoption("--fault-records")
    if path and not hasattr(config, "workerinput"):
        chosen = config.option.keyword or config.option.markexpr or "::" in "".join(config.args)
        config.pluginmanager.register(Collector(Path(path), bool(chosen)), "fault-records")
