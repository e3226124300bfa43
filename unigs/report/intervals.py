"""The parts of a table that hold intervals: of figures, and of differences between methods."""

import pandas as pd

from unigs.evaluate import catalogue
from unigs.evaluate.compare import is_clear
from unigs.report.cells import GONE, plain


def interval_section(table: pd.DataFrame, keys: list[str]) -> list[str]:
    """Figures that have a 95 % interval, as lines of Markdown; nothing where none has.

    Args:
        table: all rows.
        keys: columns in the order in which they are shown.
    """
    keys = [key for key in keys if f"{key}_low" in table and table[f"{key}_low"].notna().any()]
    rows = [row for _, row in table.iterrows() if row["source"] == "here"]
    if not keys or not rows:
        return []
    titles = [catalogue.by_key()[key].title for key in keys]
    lines = ["## 95 % intervals over frames", "", _line("dataset", "subject", "method", *titles)]
    lines.append("|" + "---|" * 3 + "--:|" * len(keys))
    for row in rows:
        head = map(plain, (row["dataset"], row["subject"], row["method"]))
        lines.append(_line(*head, *(interval_text(row, key) for key in keys)))
    return [*lines, ""]


def interval_text(row: pd.Series, key: str) -> str:
    """The ends of a figure's interval as text; a dash where it has none.

    Args:
        row: a row of the table.
        key: the column.
    """
    low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
    if low is None or pd.isna(low):
        return GONE
    figure = catalogue.by_key()[key]
    return f"{figure.text(low)} to {figure.text(high)}"


def difference_section(compared: dict) -> list[str]:
    """Differences to the table's variant of reference, as lines of Markdown.

    Args:
        compared: what `compare` wrote.
    """
    rows = compared["differences"]
    found = {key for row in rows for key, cell in row["figures"].items() if "low" in cell}
    figures = [f for f in catalogue.FIGURES if f.key in found]
    if not figures:
        return []
    name = plain(compared["reference"])
    lines = [f"## {name} less each other", ""]
    lines.append(
        f"Differences on the same frames with their 95 % intervals: bold where {name} is better "
        "outside the interval, underlined where it is worse."
    )
    lines += ["", _line("dataset", "subject", "less", *(f.title for f in figures))]
    lines.append("|" + "---|" * 3 + "--:|" * len(figures))
    for row in rows:
        head = map(plain, (row["dataset"], row["subject"], row["method"]))
        cells = [_difference(figure, row["figures"].get(figure.key)) for figure in figures]
        lines.append(_line(*head, *cells))
    return [*lines, ""]


def _difference(figure: catalogue.Figure, cell: dict | None) -> str:
    if cell is None:
        return GONE
    signed = f"+.{figure.digits}f"
    text = f"{cell['value']:{signed}}"
    if "low" in cell:
        text += f" ({cell['low']:{signed}} to {cell['high']:{signed}})"
    clear = is_clear(figure, cell)
    if clear is None:
        return text
    return f"**{text}**" if clear else f"<u>{text}</u>"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
