"""Cells of tables as text: figures, times, headings, and which figures are the best."""

import html
import re

import numpy as np
import pandas as pd

from unigs.evaluate import catalogue
from unigs.evaluate.runs import PASTED_MARK

GONE = "–"
"""What stands for an empty figure."""

TRAINING = "training"
"""Column of the training time, which is text and no figure of the catalogue."""

OUT_OF_CONTEST = "out_of_contest"
"""Column of the keys, between spaces, of the figures that a row shows and that are not ranked."""

BEST, SECOND = "best", "second"
"""Marks of figures."""


def duration(seconds: float) -> str:
    """Seconds as the paper writes times: 1.5h, or minutes below an hour."""
    return f"{seconds / 3600:.3g}h" if seconds >= 3600 else f"{seconds / 60:.2g}min"


def heading(key: str) -> str:
    """Title of a column: of a figure, or of the training time."""
    return "training ↓" if key == TRAINING else catalogue.by_key()[key].heading


def cell(row: pd.Series, key: str) -> str:
    """A figure or the training time as text; a dash where it is empty.

    Args:
        row: a row of the table.
        key: the column.
    """
    value = row.get(key)
    if value is None or (isinstance(value, float) and np.isnan(value)) or value == "":
        return GONE
    return str(value) if key == TRAINING else catalogue.by_key()[key].text(value)


def paper_columns() -> list[str]:
    """The paper's columns in its order: quality, training time, speed."""
    figures = [figure for figure in catalogue.FIGURES if figure.of_paper]
    quality = [figure.key for figure in figures if not figure.is_cost]
    return [*quality, TRAINING, *(figure.key for figure in figures if figure.is_cost)]


def plain(text: str) -> str:
    """A text as Markdown that shows it as it is: one line without tags, links and emphasis."""
    one_line = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", one_line)


def out_of_contest(row: pd.Series) -> list[str]:
    """Keys of the figures of a row that are not ranked.

    Args:
        row: a row of the table; its column `OUT_OF_CONTEST` may be missing or empty.
    """
    words = row.get(OUT_OF_CONTEST)
    return words.split() if isinstance(words, str) else []


def marks(table: pd.DataFrame) -> list[dict[str, str]]:
    """For each row, which of its figures are the best and second best of their group.

    A group is the rendered rows of one subject or of the means of one data set; the paper's rows
    are a group of their own in each data set. Figures count as equal if they are shown as equal.
    Those that the row's `OUT_OF_CONTEST` names are not ranked.

    Args:
        table: all rows of a table.
    """
    found: list[dict[str, str]] = [{} for _ in range(len(table))]
    rows = [row for _, row in table.iterrows()]
    groups: dict[tuple, list[int]] = {}
    for index, row in enumerate(rows):
        if row["source"] != "baseline" and PASTED_MARK not in str(row["method"]):
            subject = "" if pd.isna(row["subject"]) else row["subject"]
            groups.setdefault((row["source"], row["dataset"], subject), []).append(index)
    for figure in catalogue.FIGURES:
        if figure.higher_is_better is None or figure.key not in table:
            continue
        for group in groups.values():
            ranked = [i for i in group if figure.key not in out_of_contest(rows[i])]
            shown = {i: cell(rows[i], figure.key) for i in ranked}
            shown = {i: float(text) for i, text in shown.items() if text != GONE}
            order = sorted(set(shown.values()), reverse=figure.higher_is_better)
            if len(shown) < 2:
                continue
            for index, value in shown.items():
                place = order.index(value)
                if place < 2:
                    found[index][figure.key] = (BEST, SECOND)[place]
    return found
