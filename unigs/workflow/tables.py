"""The tables of a configuration: whose runs and renders they hold, and what they depend on."""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow import renders, sweeps
from unigs.workflow.names import VOICES, run_tables

REFERENCES = ("unigs_plus", "unigs")
"""Variants from which differences are taken where a table names none."""


class Tables:
    """The part of a plan that is about tables."""

    config: Mapping[str, Any]
    home: Path
    subjects: Mapping[str, Subject]
    chains: Mapping[str, list[str]]
    settings: Callable[..., dict[str, Any]]

    def tables(self) -> list[str]:
        """Tables that are made: those of `run_tables` that have a subject."""
        named = [table for table in run_tables(self.config) if table != VOICES]
        return [table for table in named if self.table_subjects(table)]

    def table_subjects(self, table: str) -> list[str]:
        """Subjects of the data sets that a table is about; all without such a list."""
        wanted = self.config["tables"][table].get("datasets")
        rows = self.subjects.values()
        return [row.subject for row in rows if wanted is None or row.dataset in wanted]

    def table_runs(self, table: str, file: str) -> list[str]:
        """That file of each subject and variant of a table."""
        chosen, subjects = self._variants(table), self.table_subjects(table)
        return [f"results/{subject}/{name}/{file}" for subject in subjects for name in chosen]

    def table_renders(self, table: str, file: str) -> list[str]:
        """That file of each render of another system that a table shows."""
        folders = renders.rendered(self.config, self._rows(table), self.table_subjects(table))
        return [f"{folder}/{file}" for folder in folders]

    def renders(self, file: str) -> list[str]:
        """That file of each render of another system that any table shows, once."""
        found = (path for table in self.tables() for path in self.table_renders(table, file))
        return list(dict.fromkeys(found))

    def _rows(self, table: str) -> list[str]:
        return self.config["tables"][table]["variants"]

    def _variants(self, table: str) -> list[str]:
        """Rows of a table that are variants, and no other systems."""
        return [name for name in self._rows(table) if name in self.chains]

    def paper_flags(self, table: str) -> str:
        """The flags of the file with the paper's figures, for the tables that it has."""
        if not self._paper(table):
            return ""
        return shlex.join(["--paper", os.path.relpath(self._papers()), "--paper-table", table])

    def table_flags(self, table: str) -> str:
        """Flags of a table that say what it shows: its caption, the data sets of its subjects."""
        title = self.config["tables"][table].get("about", table)
        return shlex.join(["--title", title, *self._datasets(table)])

    def compare_flags(self, table: str) -> str:
        """Flags of a table's comparison: its reference, the data sets of its subjects."""
        return shlex.join(["--reference", self.reference(table), *self._datasets(table)])

    def sweeps(self) -> list[str]:
        """The curve of each table that goes over the values of a setting."""
        named = [name for name in self.tables() if "over" in self.config["tables"][name]]
        return [f"results/tables/{name}.svg" for name in named]

    def sweep_flags(self, table: str) -> str:
        """Flags of a table's curve: the setting, and its value in each variant."""
        words = (f"{variant}={value}" for variant, value in self._swept(table).items())
        return shlex.join(["--setting", self.config["tables"][table]["over"], "--values", *words])

    def check_sweeps(self) -> None:
        """Stop if a table goes over a setting that is none, or that has no numbers there.

        Raises:
            UserError: one line for each such table.
        """
        lines = []
        for table, content in self.config["tables"].items():
            try:
                if "over" in content:
                    self._swept(table)
            except UserError as error:
                lines.append(f"configuration: tables.{table}.over: {error}")
        if lines:
            raise UserError("\n".join(lines))

    def _swept(self, table: str) -> dict[str, float]:
        over = self.config["tables"][table]["over"]
        return sweeps.swept(over, self._variants(table), self.settings)

    def _datasets(self, table: str) -> list[str]:
        names = self.table_subjects(table)
        return ["--datasets", *(f"{name}={self.subjects[name].dataset}" for name in names)]

    def table_content(self, table: str) -> list[str]:
        """What a table depends on beside its flags and runs: their order, the paper's figures."""
        runs = [*self.table_runs(table, ""), *self.table_renders(table, "")]
        return [*runs, *self._paper(table)]

    def reference(self, table: str) -> str:
        """The variant of a table from which the differences of the others are taken."""
        rows = self._variants(table)
        named = self.config["tables"][table].get("reference")
        return next(name for name in (named, *REFERENCES, *rows, "") if name in (*rows, ""))

    def _papers(self) -> Path:
        return self.home / "resources/paper/figures.csv"

    def _paper(self, table: str) -> list[str]:
        """The lines of the paper's figures that belong to a table."""
        lines = self._papers().read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.split(",")[0] == table]

    def runs(self, file: str) -> list[str]:
        """That file of each subject and variant that any table asks for, once."""
        paths = (path for table in self.tables() for path in self.table_runs(table, file))
        return list(dict.fromkeys(paths))

    def judged(self, file: str) -> list[str]:
        """That file of each run and of each render of another system."""
        return [*self.runs(file), *self.renders(file)]

    def of_subject(self, subject: str, file: str) -> list[str]:
        """That file of each run and render of one subject."""
        return [path for path in self.judged(file) if Path(path).parts[1] == subject]

    def moments(self) -> list[str]:
        """The picture of methods by moments of each subject that has any."""
        names = dict.fromkeys(Path(path).parts[1] for path in self.judged("test/metrics.json"))
        return [f"results/{name}/moments.png" for name in names]
