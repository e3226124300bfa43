"""Stage plot: training curves, PSNR over time and by region, mouth and eyes against the truth.

The figures are SVG with a transparent ground and colors that read on light and dark pages.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unigs.evaluate.catalogue import BASELINES
from unigs.evaluate.records import MEAN, NEAREST, PORTRAIT, STATIC
from unigs.evaluate.regions import REGIONS
from unigs.evaluate.runs import Run, run_of
from unigs.report.palette import BLUE, GREEN, INK, ORANGE, RED, VIOLET
from unigs.report.rows import read_frames, read_table
from unigs.report.style import STYLE, save
from unigs.stage import cli
from unigs.stage.files import read_json

METHOD_COLORS = {PORTRAIT: BLUE, STATIC: ORANGE, NEAREST: GREEN, MEAN: INK}
"""Color of every method."""


def plot(
    static: Path,
    dynamic: Path,
    rows: Path,
    metrics: Path,
    curve: Path,
    quality: Path,
    motion: Path,
    regions: Path,
) -> None:
    """Draw the figures of one portrait.

    Args:
        static: training curve of the static stage (.csv).
        dynamic: training curve of the dynamic stage (.csv).
        rows: figures per test frame (.csv).
        metrics: metrics.json of the same run.
        curve: training curves (.svg).
        quality: PSNR per test frame (.svg).
        motion: mouth and eye opening per test frame (.svg).
        regions: PSNR by region and method (.svg).

    Raises:
        UserError: a file is missing or lacks a column.
    """
    subject, variant = run_of(metrics)
    run = Run(subject, variant, read_json(metrics))
    table = read_frames(rows, "time", "psnr_full")
    matplotlib.use("Agg")
    with plt.rc_context(STYLE):
        curves = [read_table(static, "step"), read_table(dynamic, "step")]
        save(training_figure(*curves), curve)
        save(quality_figure(table), quality)
        save(motion_figure(table), motion)
        save(region_figure(run), regions)


def training_figure(static: pd.DataFrame, dynamic: pd.DataFrame) -> Figure:
    """Loss and PSNR over the steps of both stages, one after the other.

    Args:
        static: training curve of the static stage.
        dynamic: training curve of the dynamic stage.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    start = 0
    for table in (static, dynamic):
        steps = start + table["step"].to_numpy(float)
        if start and len(steps):
            for axes in (left, right):
                axes.axvline(start, color=INK, linestyle=":", linewidth=1)
            left.annotate(" dynamic", (start, 0.96), xycoords=("data", "axes fraction"), color=INK)
        for axes, column, color, words in (
            (left, "loss", BLUE, "loss"),
            (right, "psnr_train", BLUE, "training frames"),
            (right, "psnr_val", ORANGE, "held-out training frames"),
        ):
            draw(axes, steps, table, column, color, words)
        start += float(steps[-1]) if len(steps) else 0.0
    left.set(title="Loss per step", yscale="log" if has_positive(left) else "linear")
    right.set(title="PSNR per step, dB")
    legend(right)
    return figure


def draw(
    axes: Axes, x: np.ndarray, table: pd.DataFrame, column: str, color: str, label: str
) -> None:
    """Plot a column where it has numbers; a column that is absent is left out.

    Args:
        axes: where to plot.
        x: horizontal positions [n].
        table: has n rows.
        column: name of the column.
        color: color of the curve.
        label: the curve's words in the legend.
    """
    if column not in table:
        return
    y = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
    known = np.isfinite(y)
    if known.any():
        mark = "." if known.sum() < 25 else ""
        axes.plot(x[known], y[known], color=color, label=label, marker=mark)


def has_positive(axes: Axes) -> bool:
    """Whether all drawn values allow a logarithmic axis."""
    values = [line.get_ydata() for line in axes.get_lines() if line.get_linestyle() != ":"]
    return bool(values) and min(float(np.min(v)) for v in values) > 0


def legend(axes: Axes, columns: int = 2) -> None:
    """Draw a legend below the axes that does not name a curve twice.

    Args:
        axes: has the curves.
        columns: number of columns of the legend.
    """
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    if unique:
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": columns}
        axes.legend(unique.values(), unique.keys(), fontsize=9.5, **below)


def quality_figure(table: pd.DataFrame) -> Figure:
    """PSNR of every test frame: full frame with the baselines, and hair, torso and band."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained", sharex=True)
    time = table["time"].to_numpy(float)
    draw(left, time, table, "psnr_full", BLUE, "portrait")
    for method in (STATIC, NEAREST, MEAN):
        color, words = METHOD_COLORS[method], BASELINES[method]
        draw(left, time, table, f"psnr_full_{method}", color, words)
    for region, color in (("hair", VIOLET), ("torso", GREEN), ("band", RED), ("mouth", ORANGE)):
        draw(right, time, table, f"psnr_{region}", color, region)
    left.set(title="PSNR per test frame (s), full, dB")
    right.set(title="the portrait's, by region, dB")
    for axes in (left, right):
        axes.locator_params(axis="x", nbins=5)
        legend(axes)
    return figure


def motion_figure(table: pd.DataFrame) -> Figure:
    """Opening of mouth and eyes over time: truth, render, and render with shuffled speech."""
    figure, (mouth, eyes) = plt.subplots(2, 1, figsize=(8, 4.2), layout="constrained", sharex=True)
    time = table["time"].to_numpy(float)
    draw(mouth, time, table, "opening_truth", INK, "truth")
    draw(mouth, time, table, "opening_portrait", BLUE, "render")
    draw(mouth, time, table, "opening_shuffled", ORANGE, "render, shuffled speech")
    draw(eyes, time, table, "eye_truth", INK, "truth")
    draw(eyes, time, table, "eye_portrait", BLUE, "render")
    mouth.set(title="Mouth opening, px")
    eyes.set(title="Eye opening, share of the eye's width, over seconds")
    eyes.plot([], [], color=ORANGE, label="render, shuffled speech")
    legend(eyes, columns=3)
    return figure


def region_figure(run: Run) -> Figure:
    """PSNR by region: the portrait and what it has to beat."""
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    width, shown = 0.2, 0
    for method, color in METHOD_COLORS.items():
        values = [run.value("psnr", region, method) for region in REGIONS]
        if all(value is None for value in values):
            continue
        heights = [np.nan if value is None else value for value in values]
        places = np.arange(len(REGIONS)) + (shown - 1.5) * width
        axes.bar(
            places, heights, width * 0.92, color=color, label=BASELINES.get(method, "portrait")
        )
        shown += 1
    axes.set_xticks(range(len(REGIONS)), REGIONS)
    low = [float(bar.get_height()) for bar in axes.patches if np.isfinite(bar.get_height())]
    if low:
        axes.set_ylim(bottom=max(0.0, np.floor(min(low)) - 2))
    axes.set(title="PSNR by region, dB (the axis does not start at 0)")
    axes.grid(axis="x", visible=False)
    axes.legend(fontsize=9.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    return figure


if __name__ == "__main__":
    cli.run(plot)
