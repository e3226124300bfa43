"""CSV files of figures, read back."""

from pathlib import Path

import pandas as pd

from unigs.stage.errors import UserError

NAMES = ("source", "dataset", "subject", "method", "portrait", "voice")
"""Columns that hold names: text, whatever it looks like. Somebody may be called 001, or null."""
NOTHING = ["", "nan", "NaN"]
"""What stands for a figure that is not there."""


def read_table(path: Path, *required: str, stage: str = "") -> pd.DataFrame:
    """Read a CSV file; `NAMES` come as text, empty where there is none, figures as numbers.

    Args:
        path: the file.
        *required: columns that it must have.
        stage: the stage that writes it, for the message; empty: none that people know.

    Raises:
        UserError: the file is missing, is no table, or lacks a required column.
    """
    remedy = f"run {stage} anew" if stage else "make it anew"
    try:
        figures = [name for name in pd.read_csv(path, nrows=0) if name not in NAMES]
        table = pd.read_csv(
            path,
            dtype=dict.fromkeys(NAMES, str),
            keep_default_na=False,
            na_values=dict.fromkeys(figures, NOTHING),
        )
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the stage that makes it first.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): {remedy}.") from None
    missing = [name for name in required if name not in table]
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)}: {remedy}.")
    return table


def read_frames(path: Path, *required: str) -> pd.DataFrame:
    """Read the figures per test frame (test/frames.csv); the column `frame` holds integers.

    Args:
        path: the file.
        *required: columns that it must have, beside `frame`.

    Raises:
        UserError: the file is missing, is no table, holds no frame, lacks a required column, or a
            frame has no number.
    """
    table = read_table(path, "frame", *required, stage="evaluate")
    numbers = pd.to_numeric(table["frame"], errors="coerce")
    if table.empty or not (numbers % 1 == 0).all():
        wrong = "has no frames" if table.empty else "has a frame without a number"
        raise UserError(f"{path} {wrong}: run evaluate anew.")
    return table.assign(frame=numbers.astype(int))
