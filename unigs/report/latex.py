"""A table as LaTeX, for articles: booktabs, best figures bold, second best underlined."""

import re
from collections.abc import Callable

import pandas as pd

from unigs.report.cells import BEST, GONE, SECOND, cell, heading
from unigs.report.intervals import interval_text

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--", "Δ": r"$\Delta$", "α": r"$\alpha$",
    "μ": r"$\mu$", "<": r"$<$", ">": r"$>$",
}  # fmt: skip
"""What stands for characters that LaTeX does not set as they are."""
Text = Callable[[pd.Series, str], str]
"""A row and a column -> the text of its cell."""
STYLES = {BEST: r"\textbf{%s}", SECOND: r"\underline{%s}"}
"""How marked figures are set."""


def to_latex(table: pd.DataFrame, keys: list[str], title: str) -> str:
    """A table and, where there are intervals, their table; needs the package booktabs.

    Baselines are left out: they stand in the other files.

    Args:
        table: all rows, with their marks.
        keys: columns of figures.
        title: the caption.
    """
    rows = [row for _, row in table.iterrows() if row["source"] != "baseline"]
    parts = [_tabular(rows, keys, title, _figure)]
    known = [key for key in keys if f"{key}_low" in table and table[f"{key}_low"].notna().any()]
    own = [row for row in rows if row["source"] == "here"]
    if known and own:
        caption = f"{title} 95 % intervals over blocks of frames"
        parts.append(_tabular(own, known, caption, interval_text))
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(parts)


def escaped(text: object) -> str:
    """A text as LaTeX that sets it as it is."""
    flat = " ".join(str(text).split())
    return re.sub(r"[^A-Za-z0-9 ]", lambda found: SPECIAL.get(found[0], found[0]), flat)


def _tabular(rows: list[pd.Series], keys: list[str], caption: str, text: Text) -> str:
    heads = ["Data set", "Subject", "Method", *(heading(key) for key in keys)]
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escaped(caption)}}}"]
    lines += [rf"\begin{{tabular}}{{lll{'r' * len(keys)}}}", r"\toprule"]
    lines += [" & ".join(map(escaped, heads)) + r" \\", r"\midrule"]
    before = None
    for row in rows:
        group = row["source"], row["dataset"]
        if before not in (None, group):
            lines.append(r"\midrule")
        before = group
        source = " (paper)" if row["source"] == "paper" else ""
        subject = "" if pd.isna(row["subject"]) else row["subject"]
        head = [row["dataset"], subject or GONE, f"{row['method']}{source}"]
        cells = [text(row, key) if text is _figure else escaped(text(row, key)) for key in keys]
        lines.append(" & ".join([*map(escaped, head), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def _figure(row: pd.Series, key: str) -> str:
    mark = (row.get("marks") or {}).get(key)
    return STYLES.get(mark, "%s") % escaped(cell(row, key))
