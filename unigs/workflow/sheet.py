"""The sheet of subjects: whose portraits are made, and from which video."""

import csv
import os
import re
from pathlib import Path

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow.checks import check

SCHEMA = "workflow/schemas/subjects.schema.yaml"
"""Schema of a row, as seen from the repository."""


def one_clip(path: str, name: str | None = None) -> dict[str, str]:
    """Row of the sheet for a single clip.

    Args:
        path: the clip.
        name: name of the subject; without one the clip's file name is taken. Small letters and
            digits of it remain, with `_` for all between.
    """
    words = re.findall("[a-z0-9]+", str(name or Path(path).stem).lower())
    return {"subject": "_".join(words) or "portrait", "dataset": "own", "video": path}


def read_sheet(path: str, repository: Path) -> list[dict[str, str]]:
    """Rows of the sheet of subjects, cells as they stand there.

    Args:
        path: table with tabs, from the working directory or else from the repository.
        repository: root of the checkout.
    """
    found = path if os.path.exists(path) else repository / path
    with open(found, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def checked_subjects(
    rows: list[dict[str, str]], sheet: str, repository: Path
) -> dict[str, Subject]:
    """Subjects by name, in the order of their rows.

    Args:
        rows: rows of the sheet; empty cells count as absent.
        sheet: name of the sheet, for messages.
        repository: root of the checkout, which holds the schema of a row.

    Raises:
        UserError: a row does not fit the schema, or a subject stands twice.
    """
    subjects = {}
    for row in rows:
        cells = {key: value.strip() for key, value in row.items() if value and value.strip()}
        check(cells, repository / SCHEMA, f"sheet of subjects, {cells.get('subject')}")
        subject = Subject(**cells)
        if subject.subject in subjects:
            raise UserError(f"{subject.subject} stands twice in {sheet}.")
        subjects[subject.subject] = subject
    return subjects


def source_video(subject: Subject) -> str:
    """Path of the subject's own video, of the synthetic speaker's, or of the download."""
    if subject.video == "synthetic":
        return f"results/{subject.subject}/source/video.mp4"
    return subject.video or f"resources/downloads/{subject.subject}.mp4"
