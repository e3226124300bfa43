"""Imported subjects: what `unigs import` wrote takes the place of what rules would make.

An import is a folder with a record (`import.json`) and files at the places that they have in a
subject's results. Two of them are only given to a rule, which goes on from there: the split to
`screen_clip`, the poses to `fit_pose`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError

RECORD = "import.json"
"""Name of the record."""
FORMAT = 1
"""Number of the layout of an import, which the record states."""
VIDEO = "clip/video.mp4"
SOUND = "speech/audio.wav"
FEATURES = "speech/features.npz"
EYES = "face/eyes.csv"
LABELS, BACKGROUND, HOLE = "regions/labels.mkv", "regions/background.png", "regions/hole.png"
TAKEN = (VIDEO, SOUND, FEATURES, EYES, LABELS, BACKGROUND, HOLE)
"""Files that are results as they are, where the import has them."""
GIVEN_TABLE, GIVEN_POSES = "given/frames.csv", "given/poses.npz"
"""Frame table with the split, and head poses."""


def check_import(subject: Subject, what: str) -> None:
    """Stop if the column `imported` names no import.

    Args:
        subject: a row of the sheet.
        what: name of the row, for messages.

    Raises:
        UserError: there is no record, or it is of another version.
    """
    if subject.imported is None:
        return
    path = Path(subject.imported) / RECORD
    try:
        known = _record(subject.imported).get("format") == FORMAT
    except FileNotFoundError:
        raise UserError(
            f"{what}: imported {subject.imported} holds no {RECORD}: make it with unigs import "
            "FOLDER, or correct the path."
        ) from None
    except (OSError, ValueError, AttributeError):
        known = False
    if not known:
        raise UserError(
            f"{what}: {path} is damaged, or of another version: delete its folder and import anew."
        )


def has(subject: Subject, name: str) -> bool:
    """Whether a subject is imported with a file of that name."""
    return subject.imported is not None and os.path.isfile(os.path.join(subject.imported, name))


def taken(subjects: Mapping[str, Subject]) -> dict[str, str]:
    """Path below results -> file of an import that is copied there, for all subjects.

    Args:
        subjects: subjects by name.
    """
    return {
        f"{name}/{file}": os.path.join(subject.imported, file)
        for name, subject in subjects.items()
        for file in TAKEN
        if has(subject, file)
    }


def given(subject: Subject, name: str) -> list[str]:
    """A file that an imported subject's preparation goes on from; nothing for any other subject.

    Args:
        subject: a row of the sheet.
        name: `GIVEN_TABLE` or `GIVEN_POSES`.
    """
    return [] if subject.imported is None else [os.path.join(subject.imported, name)]


def clip_sound(subject: Subject) -> list[str]:
    """The sound of a subject's clip; nothing if it was imported without."""
    return [] if _is_mute(subject) else [f"results/{subject.subject}/{SOUND}"]


def hearing(subjects: Mapping[str, Subject]) -> dict[str, Subject]:
    """Subjects whose clips have sound, and whose portraits can hear that of others.

    Speech features of another system cannot be made of other recordings.

    Args:
        subjects: subjects by name.
    """
    return {name: row for name, row in subjects.items() if not (_is_mute(row) or _is_deaf(row))}


def _is_mute(subject: Subject) -> bool:
    """Whether a subject was imported without sound."""
    return subject.imported is not None and not has(subject, SOUND)


def _is_deaf(subject: Subject) -> bool:
    """Whether a subject was imported with the speech features of another system."""
    return has(subject, FEATURES) and not _record(subject.imported).get("hears", False)


def _record(folder: str) -> dict:
    return json.loads((Path(folder) / RECORD).read_text(encoding="utf-8"))
