"""What the results page says of runs and tables, and the templates that say it in HTML.

Everything here is plain data: `templates/` holds all HTML, and escapes every value.
"""

from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd

from unigs.evaluate import catalogue
from unigs.evaluate.catalogue import Figure
from unigs.evaluate.records import STATIC
from unigs.evaluate.runs import Run
from unigs.report.cells import TRAINING, cell, duration, heading, marks

TEMPLATES = Path(__file__).with_name("templates")
"""Folder of the page's templates and style sheet."""

PAPER_TOOLS = {
    "speech": "MFCC, DeepSpeech",
    "eyes": "OpenFace",
    "pose": "3D morphable model",
    "landmarks": "face landmark detector",
    "regions": "not named",
    "rasterizer": "3DGS rasterizer (CUDA)",
}
"""What the paper used, by the part's name in the portrait's own list of back-ends."""


@dataclass(frozen=True)
class Tile:
    """A figure of a run, as a tile shows it."""

    words: str
    """What the figure is."""
    value: str | None
    """The figure; None where it is empty."""
    reason: str = ""
    """Why it is empty."""
    change: str = ""
    """Distance to the static model; empty where there is none."""
    better: bool = False
    """Whether that distance is one for the better."""


@dataclass(frozen=True)
class TableRow:
    """A row of a table."""

    source: str
    """paper, here or baseline."""
    words: tuple[str, str, str]
    """Data set, subject and method."""
    cells: list[str]
    """The figures as text."""
    marks: list[str]
    """best, second, or nothing, for each of them."""


@dataclass(frozen=True)
class Table:
    """A table of `unigs.report.tables`, without columns that have no figure."""

    name: str
    titles: list[str]
    rows: list[TableRow]
    files: list[Path]
    """Files of the table, relative to the page."""
    curve: Path | None = None
    """Its figures over the setting in which its variants differ, relative to the page."""


@dataclass(frozen=True)
class VoicesCard:
    """The table of voices (`unigs.report.voices`), as the page shows it."""

    picture: Path | None
    """Correlation of all pairs, relative to the page; None where there is no pair."""
    titles: list[str]
    rows: list[list[str]]
    """What was measured on rendered pairs and on recordings with known phones."""
    files: list[Path]
    """Files of the table, relative to the page."""


def facts(run: Run) -> list[str]:
    """On what the figures of a run rest."""
    size = run.metrics["size"]
    found = [
        f"{run.metrics['test_frames']} test frames",
        f"{run.metrics['training_frames']} training frames",
        f"{size}×{size}",
        *(["torso pasted from the test frames"] if run.pasted else []),
    ]
    seconds = run.metrics.get("training", {}).get("seconds")
    if seconds is not None:
        found.append(f"trained in {duration(seconds)}")
    return [*found, run.metrics["device"]]


def tiles(run: Run) -> list[Tile]:
    """Tiles of the main figures, each with its distance to the static model."""
    return [_tile(run, figure) for figure in catalogue.over_the_picture() if figure.tile]


def _tile(run: Run, figure: Figure) -> Tile:
    own, static = run.shown(figure), run.shown(figure, STATIC)
    if own is None:
        return Tile(figure.tile, None, run.why_empty(figure) or "")
    if static is None:
        return Tile(figure.tile, figure.text(own))
    change = own - static
    better = figure.is_better(change) and round(change, figure.digits) != 0
    words = f"{change:+.{figure.digits}f} to static"
    return Tile(figure.tile, figure.text(own), change=words, better=better)


def measurement(run: Run) -> list[str]:
    """What measured the figures of a run, and why others are empty."""
    lines = [f"Landmarks: {run.metrics['landmark_backend']}"]
    if run.foreign:
        lines.append(_placement(run.metrics["placement"]))
    if run.speed:
        lines.append(
            f"Frames per second: batch 1, {run.speed['size']}×{run.speed['size']}, "
            f"{run.speed['gaussians']} Gaussians, {run.speed['device']}, "
            f"{run.speed['threads']} threads"
        )
    empty = [figure for figure in catalogue.FIGURES if run.shown(figure) is None]
    lines += [f"{figure.name} is empty: {run.why_empty(figure)}" for figure in empty]
    return list(dict.fromkeys(lines))


def _placement(found: dict) -> str:
    """When and where another system's render shows the clip, from what place_render wrote."""
    window, first = found["window"], found["first_render_frame"] - found["offset_frames"]
    return (
        f"Placed in the clip as found from the pictures: its frame {found['first_render_frame']} "
        f"shows frame {first}; one of its pixels is {window['scale']:.3f} of the clip's, from "
        f"({window['x']:.1f}, {window['y']:.1f}) on; correlation of the motion "
        f"{found['correlation']:.2f}, next best {found['next_best_correlation']:.2f}"
    )


def table(name: str, frame: pd.DataFrame, files: list[Path], curve: Path | None = None) -> Table:
    """A table as the page shows it.

    Args:
        name: its heading.
        frame: content of the CSV file.
        files: files to link to, relative to the page.
        curve: picture of its figures over a setting, relative to the page; None: there is none.
    """
    columns = [*catalogue.by_key(), TRAINING]
    keys = [key for key in columns if key in frame and frame[key].notna().any()]
    rows, marked = [], marks(frame)
    for (_, row), best in zip(frame.iterrows(), marked, strict=True):
        method = f"{row['method']} (paper)" if row["source"] == "paper" else row["method"]
        subject = "" if pd.isna(row["subject"]) else row["subject"]
        words = (str(row["dataset"]), str(subject), str(method))
        cells = [cell(row, key) for key in keys]
        rows.append(TableRow(row["source"], words, cells, [best.get(key, "") for key in keys]))
    return Table(name, [heading(key) for key in keys], rows, files, curve)


def stand_ins(runs: list[Run]) -> list[tuple[str, str, str]]:
    """Part, what did it in these runs, and what did it in the paper."""
    tools = dict(PAPER_TOOLS)
    used: dict[str, set[str]] = {}
    for run in runs:
        named = run.metrics.get("backends", {}) | {"landmarks": run.metrics["landmark_backend"]}
        for part, backend in named.items():
            used.setdefault(part, set()).add(backend)
        for figure in catalogue.FIGURES:
            if figure.paper_tool:
                reason = run.why_empty(figure)
                text = "measured" if reason is None else f"empty: {reason}"
                used.setdefault(figure.metric, set()).add(text)
                tools[figure.metric] = figure.paper_tool
    return [(part, "; ".join(sorted(here)), tools.get(part, "–")) for part, here in used.items()]


def render(name: str, **content: object) -> str:
    """Fill a template.

    Args:
        name: file name of the template.
        **content: what it shows; every value comes out escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {"facts": facts, "tiles": tiles, "measurement": measurement}
    return environment.get_template(name).render(**content)
