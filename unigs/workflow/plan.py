"""What a configuration asks for: whose portraits, in which variants, for which tables and videos.

All paths are relative to the working directory, where the results are.
"""

import dataclasses
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unigs.settings.subject import Subject
from unigs.workflow import origins, sheet, sounds, variants
from unigs.workflow.checks import check
from unigs.workflow.flags import as_flags

SCHEMA = "workflow/schemas/config.schema.yaml"
"""Schema of the configuration, as seen from the repository."""
PLOTS = ("curve", "quality", "motion", "regions")
"""Plots of a run."""
SHEETS = ("sheet", "curves")
"""Pictures of a subject's preparation."""


@dataclass(frozen=True)
class Plan:
    """The choices of a checked configuration (`read_plan`), as the rules need them."""

    config: Mapping[str, Any]
    """The configuration."""
    repository: Path
    """Root of the checkout."""
    subjects: Mapping[str, Subject]
    """Subjects by name."""
    chains: Mapping[str, list[str]]
    """Variant -> itself and its bases, nearest first."""
    spoken: Mapping[str, str]
    """Name of a talking video -> path of its sound, or its name in resources/audio."""

    def settings(self, section: str, variant: str | None = None) -> dict[str, Any]:
        """A section of the configuration, with the overrides of a variant and its bases applied."""
        return variants.settings(self.config, section, self.chains.get(variant, []))

    def sheet_flags(self, subject: str, columns: tuple[str, ...]) -> str:
        """Flags of those columns of the sheet that are filled in for a subject."""
        row = dataclasses.asdict(self.subjects[subject])
        return as_flags({name: row[name] for name in columns if row[name] is not None})

    def source_video(self, subject: str) -> str:
        """Path of the video that a subject's clip is cut from."""
        return sheet.source_video(self.subjects[subject])

    def record_origins(self) -> None:
        """Write down which videos the results are made from (`unigs.workflow.origins`)."""
        origins.record_origins(self.subjects)

    def static_folder(self, subject: str, variant: str) -> str:
        """Folder of the static portrait that a variant uses: its own, or its base's."""
        owner = variants.static_owner(self.config["variants"], self.chains[variant])
        return f"results/{subject}/{owner}/static"

    def driving_audio(self, name: str) -> str:
        """Path of the sound of a talking video."""
        return sounds.driving_audio(name, self.spoken.values())

    def tables(self) -> list[str]:
        """Tables that are made: those about data sets with a subject."""
        return [table for table in self.config["tables"] if self.table_subjects(table)]

    def table_subjects(self, table: str) -> list[str]:
        """Subjects of the data sets that a table is about; all without such a list."""
        wanted = self.config["tables"][table].get("datasets")
        rows = self.subjects.values()
        return [row.subject for row in rows if wanted is None or row.dataset in wanted]

    def table_runs(self, table: str, file: str) -> list[str]:
        """That file of each subject and variant of a table."""
        chosen = self.config["tables"][table]["variants"]
        subjects = self.table_subjects(table)
        return [f"results/{subject}/{name}/{file}" for subject in subjects for name in chosen]

    def table_paper(self, table: str) -> list[str]:
        """The file with the paper's figures, for the tables that it has."""
        path = self.repository / f"resources/paper/{table}.csv"
        return [os.path.relpath(path)] if path.exists() else []

    def table_flags(self, table: str) -> str:
        """Flags of a table: its caption, the paper's figures, the data sets of its subjects."""
        title = self.config["tables"][table].get("about", table)
        paper = [word for path in self.table_paper(table) for word in ("--paper", path)]
        names = self.table_subjects(table)
        datasets = [f"{name}={self.subjects[name].dataset}" for name in names]
        return shlex.join(["--title", title, *paper, "--datasets", *datasets])

    def runs(self, file: str) -> list[str]:
        """That file of each subject and variant that any table asks for, once."""
        paths = (path for table in self.tables() for path in self.table_runs(table, file))
        return list(dict.fromkeys(paths))

    def earlier_runs(self) -> list[str]:
        """Figures (metrics.json) of finished runs in results that no table asks for."""
        return _others("*/*/test/metrics.json", self.runs("test/metrics.json"))

    def earlier_drives(self) -> list[str]:
        """Talking videos in results that the configuration does not ask for."""
        return _others("*/*/drive/*.mp4", self.driven_videos())

    def table_earlier(self, table: str) -> list[str]:
        """Finished runs that stay in a table when portraits of single clips are made in turn.

        A sheet says itself who is in its tables; for a clip all that were made from clips are.
        """
        if not self.config.get("clip"):
            return []
        chosen = self.config["tables"][table]["variants"]
        return [
            path
            for path in self.earlier_runs()
            if Path(path).parts[2] in chosen and origins.is_own(Path(*Path(path).parts[:2]))
        ]

    def plots(self) -> list[str]:
        """All plots of all runs, those of a run together."""
        return [f"{folder}/{name}.svg" for folder in self.runs("figures") for name in PLOTS]

    def preparation(self) -> list[str]:
        """The pictures of every subject's preparation."""
        return [f"results/{s}/figures/{name}.png" for s in self.subjects for name in SHEETS]

    def driven_videos(self) -> list[str]:
        """Every subject, speaking each of the configured sounds."""
        return [
            f"results/{subject}/{variant}/drive/{name}.mp4"
            for subject in self.subjects
            for variant in self.config["videos"]["variants"]
            for name in self.spoken
        ]


def _others(pattern: str, planned: list[str]) -> list[str]:
    """Files in results that are there and not planned.

    Args:
        pattern: what they are called, seen from results.
        planned: paths that rules make.
    """
    found = sorted(str(path) for path in Path("results").glob(pattern))
    return [path for path in found if path not in set(planned)]


def read_plan(config: Mapping[str, Any], repository: Path) -> Plan:
    """Check a configuration and its sheet of subjects.

    Args:
        config: the configuration, presets and overrides merged.
        repository: root of the checkout.

    Raises:
        UserError: configuration, sheet or variants are at fault, or results of another video
            would be replaced.
    """
    check(config, repository / SCHEMA, "configuration")
    if config.get("clip"):
        rows = [sheet.one_clip(config["clip"], config.get("name"))]
    else:
        rows = sheet.read_sheet(config["subjects"], repository)
    audio = [config["audio"]] if config.get("audio") else []
    subjects = sheet.checked_subjects(rows, config["subjects"], repository)
    replace = config.get("replace") or []
    origins.check_origins(subjects, [replace] if isinstance(replace, str) else replace)
    return Plan(
        config=config,
        repository=repository,
        subjects=subjects,
        chains={name: variants.bases(config["variants"], name) for name in config["variants"]},
        spoken=sounds.spoken([*config["videos"]["audio"], *audio]),
    )
