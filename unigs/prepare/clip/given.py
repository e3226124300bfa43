"""The frames and the split of another system's data set, as a frame table of the clip."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from unigs.stage.errors import UserError
from unigs.subject.frame_table import (
    JUMP_CUT,
    REASONS,
    FrameTable,
    read_frame_table,
    reason_words,
)

log = logging.getLogger("unigs")

GIVEN_MARKS = (JUMP_CUT, "user")
"""Marks that a given table takes over from the screening of the clip."""


def given_table(
    given: Path, out: Path, landmarks: Path, found: np.ndarray, marks: dict[str, np.ndarray]
) -> FrameTable:
    """A given frame table, less the frames without a face and those that the user removes.

    Hands, second faces, fades and head turns remove nothing: the other system has kept them, and
    both are to be compared on the same frames.

    Args:
        given: the table of an import.
        out: file that the new table will stand in.
        landmarks: landmarks of the clip, for the message.
        found: frames with a face, bool [T].
        marks: bool [T] for each of `GIVEN_MARKS`, of the clip and of the sheet.

    Raises:
        UserError: the given table is missing, damaged, or of another number of frames.
    """
    table = read_frame_table(given)
    if len(table) != len(found):
        raise UserError(
            f"{given} has {len(table)} rows but {landmarks} has {len(found)}: they are not of one "
            "import; run detect_landmarks anew."
        )
    reasons = {name: table.marked(name) for name in REASONS}
    reasons["no_face"] |= ~found
    for name, more in marks.items():
        reasons[name] = reasons[name] | more
    keep = table.keep & found & ~marks["user"]
    lost = int((table.keep & ~found).sum())
    if lost:
        log.warning(
            "%d of %d given frames show no face here, and do not count.", lost, table.keep.sum()
        )
    return FrameTable(out, table.time, keep, reason_words(reasons), table.split)
