"""Videos that were downloaded before: compared with the sheet, and never fetched again for it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow.paths import Place
from unigs.workflow.sheet import source_video


def check_downloads(subjects: Mapping[str, Subject], place: Place = str) -> None:
    """Stop if a video in resources/downloads has another checksum than the sheet says.

    Args:
        subjects: subjects by name.
        place: where downloads lie.

    Raises:
        UserError: one line for each such video.
    """
    lines = []
    for subject in subjects.values():
        path = Path(place(source_video(subject)))
        if subject.video or not subject.sha256 or not path.is_file():
            continue
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != subject.sha256.lower():
            lines.append(
                f"{path} has sha256 {found}, but the sheet says {subject.sha256}: correct the "
                "sheet, or delete the file to have it fetched anew."
            )
    if lines:
        raise UserError("\n".join(lines))
