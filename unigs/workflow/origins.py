"""Which source a subject's results were made from: another one never replaces them unasked.

The record `results/{subject}/source.json` is written when a run starts and is the output of no
rule, so that Snakemake never deletes it before a job.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow.imports import RECORD as IMPORT
from unigs.workflow.paths import Place

RECORD = "source.json"
"""Name of the record in a subject's folder of results."""
OWN = "own"
"""Data set of clips that are given instead of a sheet."""
END_BYTES = 1 << 16
"""Bytes at either end of a file that its fingerprint is made of. One end of a video holds its index
with the size of every frame."""


@dataclass(frozen=True)
class Origin:
    """What a subject's results are made from."""

    source: str
    """Path or address of the video as given, `synthetic`, or the folder of an import."""
    content: str | None
    """Fingerprint of a local video, or of an import's record, which knows the checksums of its
    files; None for a video that is fetched, made, or not there."""
    dataset: str
    """Data set of the subject."""

    def is_that_of(self, other: "Origin") -> bool:
        """Whether both are one source: of the same content, or of the same name if unknown."""
        if self.content and other.content:
            return self.content == other.content
        return self.source == other.source


def origin(subject: Subject) -> Origin:
    """What a subject's results are to be made from."""
    content = None
    path = os.path.join(subject.imported, IMPORT) if subject.imported else subject.video
    if path and os.path.isfile(path) and os.access(path, os.R_OK):
        content = fingerprint(Path(path))
    source = subject.imported or subject.video or subject.url
    return Origin(source, content, subject.dataset)


def fingerprint(path: Path) -> str:
    """Size and checksum of both ends of a file, fast for videos of any length."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        digest = hashlib.sha256(file.read(END_BYTES))
        file.seek(max(0, size - END_BYTES))
        digest.update(file.read(END_BYTES))
    return f"{size}-{digest.hexdigest()}"


def recorded(folder: Path) -> Origin | None:
    """What the results in a subject's folder were made from; None where nothing tells.

    Args:
        folder: the subject's folder of results.

    Raises:
        UserError: the record is damaged.
    """
    try:
        return Origin(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise UserError(
            f"{folder / RECORD} cannot be read: delete it if the results beside it are those of "
            "the video that is given now."
        ) from None


def is_own(folder: Path) -> bool:
    """Whether a subject's results were made from a clip of one's own, or nothing tells."""
    made_from = recorded(folder)
    return made_from is None or made_from.dataset == OWN


def check_origins(
    subjects: Mapping[str, Subject], replace: Iterable[str], place: Place = str
) -> None:
    """Stop before a subject's results would be replaced by those of another source.

    Args:
        subjects: subjects by name.
        replace: names of subjects whose results may be replaced.
        place: where results lie.

    Raises:
        UserError: results are of another source, or no subject has a name of `replace`.
    """
    for name in replace:
        if name not in subjects:
            raise UserError(f"replace: no subject is called {name}.")
    lines = []
    for name, subject in subjects.items():
        folder = Path(place(f"results/{name}"))
        old = None if name in replace else recorded(folder)
        if old is None or all(path.name == RECORD for path in folder.iterdir()):
            continue
        new = origin(subject)
        if not old.is_that_of(new):
            lines.append(_sentence(folder, old, new))
    if lines:
        raise UserError("\n".join(lines))


def _sentence(folder: Path, old: Origin, new: Origin) -> str:
    """What stands in the way, and what to do.

    Args:
        folder: the subject's folder of results.
        old: what its results were made from.
        new: what they would be made from.
    """
    if old.source == new.source:
        fault = f"{new.source} has changed since {folder} was made from it"
    else:
        fault = f"{folder} was made from {old.source} and not from {new.source}"
    name = folder.name
    return (
        f"{fault}: choose another name (make portrait NAME=..., or the column subject of the "
        f"sheet), or have it made anew (make portrait REPLACE={name}, or --config replace={name})."
    )


def record_origins(subjects: Mapping[str, Subject], place: Place = str) -> None:
    """Write down what the subjects' results are made from, where that is not yet written.

    Args:
        subjects: subjects by name.
        place: where results lie.

    Raises:
        UserError: nothing can be written to the results.
    """
    for name, subject in subjects.items():
        folder, new = Path(place(f"results/{name}")), origin(subject)
        old = recorded(folder)
        if old is not None and new.content is None and old.is_that_of(new):
            new = Origin(new.source, old.content, new.dataset)
        if old != new:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                temporary = folder / f".{RECORD}.{os.getpid()}"
                temporary.write_text(json.dumps(asdict(new), indent=2) + "\n", encoding="utf-8")
                temporary.replace(folder / RECORD)
            except OSError as error:
                raise UserError(
                    f"{folder} cannot be written ({error.strerror}): run in a folder that you may "
                    "write to, or name one by --directory."
                ) from None
