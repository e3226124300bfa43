"""Stage plot_sweep: the figures of a table over the setting in which its variants differ."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unigs.evaluate import catalogue
from unigs.evaluate.runs import MEAN_OF, root_of
from unigs.report.palette import BLUE, GREEN, OCHER, ORANGE, RED, SLATE, VIOLET
from unigs.report.rows import read_table
from unigs.report.style import STYLE, save
from unigs.stage import cli
from unigs.stage.errors import UserError

SHOWN = ("psnr", "lpips", "lmd", "opening")
"""Figures that are drawn: the paper's of pictures and of motion, and how far the mouth listens."""
COLORS = (BLUE, ORANGE, GREEN, RED, VIOLET, OCHER, SLATE)
"""Colors of the subjects, taken in turn."""
WIDE = 8.0
"""Ratio of the largest value to the smallest from which on the axis is logarithmic."""


def plot_sweep(table: Path, out: Path, setting: str, values: tuple[str, ...]) -> None:
    """Draw the figures of a table's portraits over the value of one setting.

    Args:
        table: the table (.csv).
        out: the picture (.svg).
        setting: name of the setting, for the axis.
        values: variant=value words; rows of all other methods are left out.

    Raises:
        UserError: a word is not of that form, the table is missing, or it has none of the
            variants or none of the figures.
    """
    swept = pd.Series(dict(map(read_value, values)), dtype=float)
    frame = read_table(table, "source", "subject", "method")
    frame = frame[(frame["source"] == "here") & frame["method"].isin(swept.index)]
    frame = without_seeds_of_means(frame)
    if frame.empty:
        raise UserError(f"{table} has none of the variants {', '.join(swept.index)}.")
    shown = [key for key in SHOWN if key in frame and frame[key].notna().any()]
    if not shown:
        raise UserError(f"{table} has none of the figures {', '.join(SHOWN)}.")
    frame = frame.assign(value=frame["method"].map(swept))
    matplotlib.use("Agg")
    with plt.rc_context(STYLE):
        save(sweep_figure(frame, shown, setting), out)


def read_value(word: str) -> tuple[str, float]:
    """A variant and its value of the setting.

    Raises:
        UserError: the word is not variant=value, or the value is no number.
    """
    variant, _, value = word.rpartition("=")
    try:
        return variant, float(value)
    except ValueError:
        raise UserError(f"{word} is not of the form variant=value with a number.") from None


def without_seeds_of_means(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table without the means over subjects that another mean holds already.

    The mean of a variant with several seeds is one over its seeds, too; in a curve those of the
    single seeds would count a second time.

    Args:
        frame: rows of portraits.
    """
    kept = []
    for group in grouped(frame).values():
        is_mean = group["subject"].str.startswith(MEAN_OF)
        roots = group["method"].map(root_of)
        is_seed = (roots != group["method"]) & roots.isin(set(group["method"]))
        kept.append(group[~(is_mean & is_seed)])
    return pd.concat(kept) if kept else frame


def grouped(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Words of the legend -> the rows of one curve: those of a subject, or of a data set's means.

    Args:
        frame: rows of portraits; the column `dataset` may be missing.
    """
    keys = [key for key in ("subject", "dataset") if key in frame]
    groups = [(names, rows) for names, rows in frame.groupby(keys, sort=False)]
    subjects = [names[0] for names, _ in groups]
    # Two data sets of as many subjects have means of one name.
    return {
        ", ".join(map(str, names if subjects.count(names[0]) > 1 else names[:1])): rows
        for names, rows in groups
    }


def sweep_figure(frame: pd.DataFrame, keys: list[str], setting: str) -> Figure:
    """A panel for each figure, with a curve for each subject and for the means of each data set.

    Args:
        frame: rows of portraits, with their `value` of the setting.
        keys: columns of the figures that are drawn, at least one.
        setting: name of the setting.
    """
    known = catalogue.by_key()
    columns = min(len(keys), 2)
    rows = -(-len(keys) // columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(8, 3 * rows), layout="constrained", sharex=True, squeeze=False
    )
    values = frame["value"]
    wide = values.min() > 0 and values.max() >= WIDE * values.min()
    for axes in panels.flat[len(keys) :]:
        axes.set_axis_off()
    for axes, key in zip(panels.flat, keys, strict=False):
        for index, (words, rows_of) in enumerate(grouped(frame).items()):
            draw_curve(axes, rows_of, key, words, COLORS[index % len(COLORS)])
        axes.set(title=known[key].heading, xscale="log" if wide else "linear")
        ticks = sorted(set(values))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    for axes in panels[-1]:
        axes.set_xlabel(setting)
    handles = panels[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4, fontsize=9.5)
    return figure


def draw_curve(axes: Axes, frame: pd.DataFrame, key: str, words: str, color: str) -> None:
    """A figure of one curve over the setting, with its interval over frames as a band.

    Where several portraits have one value (seeds), the curve goes through their mean, and the band
    from the least end to the greatest.

    Args:
        axes: where to draw.
        frame: rows of one subject, or of the means of one data set.
        key: column of the figure.
        words: the curve's words in the legend.
        color: color of the curve.
    """
    frame = frame[frame[key].notna()]
    groups = frame.groupby("value")
    means = groups[key].mean()
    axes.plot(means.index, means, color=color, marker="o", markersize=4, label=words)
    if f"{key}_low" not in frame:
        return
    low, high = groups[f"{key}_low"].min(), groups[f"{key}_high"].max()
    band = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(means.index[band], low[band], high[band], color=color, alpha=0.15, lw=0)


if __name__ == "__main__":
    cli.run(plot_sweep)
