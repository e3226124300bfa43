"""Stage plot_sweep: the figures of a table over the setting in which its variants differ."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unigs.evaluate import catalogue
from unigs.report.palette import BLUE, GREEN, OCHER, ORANGE, RED, SLATE, VIOLET
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
    try:
        frame = pd.read_csv(table)
        frame = frame[(frame["source"] == "here") & frame["method"].isin(swept.index)]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{table} is no table of figures ({error}): make it anew.") from None
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


def sweep_figure(frame: pd.DataFrame, keys: list[str], setting: str) -> Figure:
    """A panel for each figure, with a curve for each subject.

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
        for index, (subject, rows_of) in enumerate(frame.groupby("subject", sort=False)):
            draw_curve(axes, rows_of, key, str(subject), COLORS[index % len(COLORS)])
        axes.set(title=known[key].heading, xscale="log" if wide else "linear")
        ticks = sorted(set(values))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    for axes in panels[-1]:
        axes.set_xlabel(setting)
    words = panels[0, 0].get_legend_handles_labels()
    figure.legend(*words, loc="outside lower center", ncols=4, fontsize=9.5)
    return figure


def draw_curve(axes: Axes, frame: pd.DataFrame, key: str, words: str, color: str) -> None:
    """One subject's figure over the setting, with its interval over frames as a band.

    Where several portraits have one value (seeds), the curve goes through their mean, and the band
    from the least end to the greatest.

    Args:
        axes: where to draw.
        frame: the subject's rows.
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
