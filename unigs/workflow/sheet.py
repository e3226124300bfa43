"""The sheet of subjects: whose portraits are made, and from which video."""

import csv
import hashlib
import io
import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

from unigs.settings.subject import SOURCES, Subject
from unigs.stage.errors import UserError
from unigs.workflow import imports
from unigs.workflow.checks import check
from unigs.workflow.origins import OWN
from unigs.workflow.paths import never_a_flag, refuse_braces

SCHEMA = "workflow/schemas/subjects.schema.yaml"
"""Schema of a row, as seen from the workflow's home."""
SYNTHETIC = "synthetic"
"""What the column `video` says for the synthetic speaker, perhaps with a colon and a seed."""
FALLBACK_NAME = "portrait"
"""What a subject is called whose clip has no letter or digit that a folder's name may hold."""


def one_clip(path: str, name: str | None = None, **told: str) -> dict[str, str]:
    """Row of the sheet for a single clip.

    Args:
        path: the clip.
        name: name of the subject; without one the clip's file name is taken.
        **told: what is told of it, by column.
    """
    subject = folder_name(str(name or Path(path).stem))
    return {"subject": subject, "dataset": OWN, "video": path, **told}


def folder_name(words: str) -> str:
    """A name of small Latin letters, digits and `_`, different for different words.

    Accents are left away. Where letters of other scripts are lost, six digits of a checksum of the
    words stand in for them, so that two Cyrillic names do not become one.

    Args:
        words: what somebody calls the subject or the clip.
    """
    lower = unicodedata.normalize("NFKC", words).lower()
    plain = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))
    parts = re.findall("[a-z0-9]+", plain)
    if any(c.isalnum() and not c.isascii() for c in plain):
        parts = [*(parts or [FALLBACK_NAME]), hashlib.sha256(lower.encode()).hexdigest()[:6]]
    return "_".join(parts) or FALLBACK_NAME


def read_sheet(path: str, home: Path) -> list[dict[str, str]]:
    """Rows of the sheet of subjects, cells as they stand there; blank lines are left out.

    Args:
        path: table with tabs, from the working directory or else from the workflow's home.
        home: folder of the workflow's own files (`unigs.workflow.home`).

    Raises:
        UserError: there is no such file, its text is not Unicode, or it is no table with a column
            `subject`, one heading for each column and at least one row.
    """
    found = path if os.path.exists(path) else home / path
    try:
        lines = list(
            csv.reader(io.StringIO(_text(found, path), newline=""), "excel-tab", strict=True)
        )
    except csv.Error as error:
        raise UserError(f"{path} is no table with tabs ({error}): check its quotes.") from None
    lines = [[cell.strip() for cell in line] for line in lines]
    filled = [(number, line) for number, line in enumerate(lines, 1) if any(line)]
    if len(filled) < 2:
        raise UserError(f"{path} names no subject: write its columns, then a row for each person.")
    (_, headings), *rows = filled
    if "subject" not in headings:
        raise UserError(
            f"{path} has no column subject: its first line names the columns, with tabs between."
        )
    twice = [name for name, count in Counter(filter(None, headings)).items() if count > 1]
    if twice:
        raise UserError(f"{path} has two columns {twice[0]}: leave one out.")
    return [_row(headings, cells, f"{path}, line {number}") for number, cells in rows]


def _text(found: str | Path, path: str) -> str:
    """The text of a sheet, whatever byte-order mark Excel put before it.

    Args:
        found: where the sheet lies.
        path: what people call it.

    Raises:
        UserError: the file cannot be read, or is in an encoding that does not say what it is.
    """
    try:
        content = Path(found).read_bytes()
    except OSError as error:
        raise UserError(f"the sheet {path} cannot be read: {error.strerror}.") from None
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8 in line {line} (Latin-1, perhaps): save it anew as UTF-8."
        ) from None


def _row(headings: list[str], cells: list[str], place: str) -> dict[str, str]:
    """Cells by the headings of their columns.

    Args:
        headings: the first line; empty headings are those of tabs at its end.
        cells: another line; tabs at its end count for nothing.
        place: file and line, for messages.

    Raises:
        UserError: a cell is filled in that has no heading.
    """
    headings = headings + [""] * (len(cells) - len(headings))
    for heading, cell in zip(headings, cells, strict=False):
        if cell and not heading:
            raise UserError(f"{place}: '{cell}' stands in a column without a heading.")
    return {key: cell for key, cell in zip(headings, cells, strict=False) if key}


def checked_subjects(rows: list[dict[str, str]], sheet: str, home: Path) -> dict[str, Subject]:
    """Subjects by name, in the order of their rows.

    Args:
        rows: rows of the sheet; empty cells count as absent.
        sheet: name of the sheet, for messages.
        home: folder of the workflow's own files, which holds the schema of a row.

    Raises:
        UserError: a row does not fit the schema, has no source, names a file that Snakemake cannot
            handle, or a subject stands twice.
    """
    subjects = {}
    for number, row in enumerate(rows, 1):
        cells = {key: value.strip() for key, value in row.items() if value and value.strip()}
        what = f"sheet of subjects, {cells.get('subject', f'row {number}')}"
        if not any(name in cells for name in SOURCES):
            raise UserError(
                f"{what}: neither video nor url is filled in: give the path of a video, "
                "`synthetic`, an address to download it from, or (in the column imported) the "
                "folder of an import."
            )
        for name in ("openface", "imported"):
            refuse_braces(cells.get(name, ""), what)
        if "{" in cells.get("video", ""):
            # Such a path cannot be an input of a rule; as an address it can be fetched.
            cells["url"] = Path(os.path.abspath(cells.pop("video"))).as_uri()
        check(cells, home / SCHEMA, what)
        subject = Subject(**cells)
        if subject.subject in subjects:
            raise UserError(f"{subject.subject} stands twice in {sheet}.")
        speaker_seed(subject)
        _check_seconds(subject, what)
        _check_page(subject, what)
        _check_import(subject, what)
        subjects[subject.subject] = subject
    return subjects


def _check_seconds(subject: Subject, what: str) -> None:
    """Stop if a clip, or a range that is left out of it, ends before it begins.

    Args:
        subject: a row that fits its schema.
        what: name of the row, for messages.

    Raises:
        UserError: one sentence with the cell.
    """
    start = subject.start or "0"
    if subject.stop and float(subject.stop) <= float(start):
        raise UserError(
            f"{what}: stop {subject.stop} does not come after start {start}: give the "
            "seconds of the source at which the clip begins and ends."
        )
    for column in ("remove", "test"):
        for words in (getattr(subject, column) or "").split(","):
            if _runs_backwards(words):
                raise UserError(
                    f"{what}: {column} {words} ends before it begins: give the first second of "
                    "the range, then the last."
                )


def _runs_backwards(words: str) -> bool:
    """Whether seconds `first-last` end before they begin; False for an empty cell."""
    first, _, last = words.partition("-")
    return bool(words) and float(last) <= float(first)


def _check_page(subject: Subject, what: str) -> None:
    """Stop if a row says what to take of a video page, and names none, or nothing to take.

    Args:
        subject: a row that fits its schema.
        what: name of the row, for messages.

    Raises:
        UserError: one sentence with the cell.
    """
    for name in ("section", "format"):
        if getattr(subject, name) and not subject.url:
            raise UserError(f"{what}: {name} is filled in, which needs a url: leave it empty.")
    if _runs_backwards(subject.section or ""):
        raise UserError(
            f"{what}: section {subject.section} ends before it begins: give its first second, then "
            "its last."
        )


def _check_import(subject: Subject, what: str) -> None:
    """Stop if a row names an import and something that only a video has, or no import.

    Args:
        subject: a row that fits its schema.
        what: name of the row, for messages.

    Raises:
        UserError: one sentence with the cells.
    """
    of_a_video = (
        "video",
        "url",
        "sha256",
        "section",
        "format",
        "crop",
        "start",
        "stop",
        "test",
        "openface",
    )
    filled = [name for name in of_a_video if getattr(subject, name)]
    if subject.imported and filled:
        raise UserError(
            f"{what}: imported and {', '.join(filled)} are filled in: an import brings its frames "
            "and split with it; leave one of both empty."
        )
    imports.check_import(subject, what)


def is_synthetic(subject: Subject) -> bool:
    """Whether a subject is the synthetic speaker."""
    return (subject.video or "").partition(":")[0] == SYNTHETIC


def speaker_seed(subject: Subject) -> dict[str, int]:
    """The seed of a synthetic speaker as a setting of the section demo, where the sheet names one.

    Raises:
        UserError: it is no whole number from 0 on.
    """
    _, colon, seed = (subject.video or "").partition(":")
    if not colon or not is_synthetic(subject):
        return {}
    if not (seed.isascii() and seed.isdigit()):
        raise UserError(
            f"sheet of subjects, {subject.subject}: video is {subject.video}: write `{SYNTHETIC}`, "
            f"or `{SYNTHETIC}:` and a whole number, the seed of another made-up speaker."
        )
    return {"seed": int(seed)}


def source_video(subject: Subject) -> str:
    """Path of the subject's own video, of the synthetic speaker's, or of the download."""
    if is_synthetic(subject):
        return f"results/{subject.subject}/source/video.mp4"
    if subject.video is None:
        return f"resources/downloads/{subject.subject}.mp4"
    return never_a_flag(subject.video)
