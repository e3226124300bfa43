"""The look of all figures, and how they are written."""

from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from unigs.report.palette import GRID, INK
from unigs.stage.files import atomic

STYLE = {
    "svg.hashsalt": "unigs",  # the same data give the same file
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
"""Look of all figures, as Matplotlib's settings."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure and forget it."""
    with atomic(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
