"""One row for each picture: what a table or an array that has not must have gone through."""

from __future__ import annotations

from pathlib import Path

from unigs.stage.errors import UserError

RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0)
"""Frame rates of films and phones (29.97 is 30 here)."""
NEAR = 0.01
"""Share by which a rate may lie beside one of `RATES`: rows are cut off or padded at the ends."""
SLACK = 5
"""Rows by which sound may be longer or shorter than the pictures: extractors pad, coders too."""


def check_rows(
    path: Path, rows: int, pictures: int, where: Path, fps: float, slack: int, remedy: str
) -> None:
    """Refuse a file that has not one row for each picture.

    Args:
        path: the file, for the message.
        rows: its number of rows.
        pictures: number of pictures.
        where: folder of the pictures, for the message.
        fps: pictures per second.
        slack: rows that may be missing or left over at the end.
        remedy: what makes the file right, the end of the message.

    Raises:
        UserError: it has more or fewer; the message says what that looks like.
    """
    if abs(rows - pictures) <= slack:
        return
    rate = rows / pictures * fps
    other = next((r for r in RATES if r != fps and abs(rate / r - 1) < NEAR), None)
    if other is not None and pictures >= 2 / NEAR:
        guess = (
            f"as many as at {other:g} frames a second, so it was made of the source and not of "
            f"these pictures, which are taken to be {fps:g} a second"
        )
    elif rows < pictures:
        guess = "a row is missing, say of a frame without a face, and all rows behind it are early"
    else:
        guess = "it is of another or a longer clip"
    raise UserError(f"{path} has {rows} rows for {pictures} pictures in {where}: {guess}; {remedy}")
