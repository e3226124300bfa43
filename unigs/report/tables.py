"""Stage collate: the figures of several subjects and variants, with the paper's beside them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from unigs.report.runs import METHOD_NAMES, Run, read_runs
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, write_text

PAPER_SIZE = 480
"""Pixels of the paper's frames: landmark distances are scaled to it."""
GONE = "–"


@dataclass(frozen=True)
class Column:
    """A figure of the table: where it comes from and how it is written."""

    key: str
    title: str
    metric: str
    region: str = "full"
    digits: int = 2
    factor: float = 1.0


COLUMNS = (
    Column("psnr", "PSNR ↑", "psnr"),
    Column("lpips", "LPIPS ↓", "lpips", digits=4),
    Column("ssim", "SSIM ↑", "ssim", digits=3),
    Column("lmd", "LMD ↓", "lmd_256", "mouth", digits=3, factor=PAPER_SIZE / 256),
    Column("sync_c", "Sync-C ↑", "sync_c", "mouth", digits=3),
    Column("fps", "FPS ↑", "fps", digits=1),
    Column("psnr_person", "person", "psnr", "person"),
    Column("psnr_head", "head", "psnr", "head"),
    Column("psnr_hair", "hair", "psnr", "hair"),
    Column("psnr_torso", "torso", "psnr", "torso"),
    Column("psnr_band", "band", "psnr", "band"),
    Column("psnr_mouth", "mouth", "psnr", "mouth"),
    Column("opening", "opening r", "opening_correlation", "mouth"),
    Column("deaf", "r, shuffled voice", "opening_correlation_shuffled", "mouth"),
    Column("spread", "opening spread", "opening_spread", "mouth"),
    Column("gain", "voice gain", "lmd_256_gain", "mouth"),
    Column("blink", "blink r", "eye_correlation", "eyes"),
)
BY_KEY = {column.key: column for column in COLUMNS}
# The second half of the table does not exist in the paper.
OURS_ONLY = tuple(column.key for column in COLUMNS[6:])


def collate(
    metrics: tuple[Path, ...],
    out: Path,
    markdown: Path,
    speed: tuple[Path, ...] = (),
    datasets: tuple[str, ...] = (),
    paper: Path | None = None,
    title: str = "",
) -> None:
    """Write one table as CSV and as Markdown.

    Args:
        metrics: metrics.json of each subject and variant.
        out: the table (.csv), one row per method, with back-ends, device and reasons.
        markdown: the table for people (.md).
        speed: speed.json of the same runs.
        datasets: subject=dataset words.
        paper: the paper's figures (.csv): dataset, method and figures.
        title: the table's heading.
    """
    runs = read_runs(metrics, speed, datasets)
    rows = [row for run in runs for row in run_rows(run, first=is_first(run, runs))]
    rows = mean_rows(rows) + rows
    table = pd.DataFrame(paper_rows(paper) + rows)
    with atomic(out) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
    write_text(markdown, to_markdown(table, runs, title or out.stem))


def is_first(run: Run, runs: list[Run]) -> bool:
    """Whether a run is the first of its subject: pictures of the clip are listed only there."""
    return next(other for other in runs if other.subject == run.subject) is run


def run_rows(run: Run, first: bool = True) -> list[dict]:
    """The rows of one run: the portrait, its static model, and the pictures of the clip."""
    rows = [figure_row(run, "portrait", run.variant)]
    methods = {row["method"] for row in run.metrics["metrics"]}
    for method, words in METHOD_NAMES.items():
        if method not in methods or (method != "static" and not first):
            continue
        name = f"{words} of {run.variant}" if method == "static" else words
        rows.append(figure_row(run, method, name))
    return rows


def figure_row(run: Run, method: str, name: str) -> dict:
    """One row of the table."""
    row = {
        "source": "here" if method == "portrait" else "baseline",
        "dataset": run.dataset,
        "subject": run.subject,
        "method": name,
    }
    reasons = []
    for column in COLUMNS:
        value = run.value(column.metric, column.region, method)
        row[column.key] = None if value is None else value * column.factor
        if value is None and method == "portrait":
            reasons.append(f"{column.key}: {run.reason(column.metric, column.region, method)}")
    trained = run.metrics.get("training", {}).get("seconds")
    row["training"] = duration(trained) if trained is not None and method == "portrait" else None
    row["test_frames"], row["size"] = run.metrics["test_frames"], run.metrics["size"]
    row["device"] = run.metrics["device"]
    known = run.metrics.get("backends", {}) | {"landmarks": run.metrics["landmark_backend"]}
    row["backends"] = "; ".join(f"{key}: {value}" for key, value in known.items())
    row["empty"] = "; ".join(reasons)
    return row


def mean_rows(rows: list[dict]) -> list[dict]:
    """Means over the subjects of a data set, for methods that every one of them has.

    A figure that one subject lacks has no mean: the others' would be a mean of something else.
    """
    found = []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        own = [row for row in rows if row["dataset"] == dataset]
        subjects = {row["subject"] for row in own}
        for method in dict.fromkeys(row["method"] for row in own):
            same = [row for row in own if row["method"] == method]
            if len(same) < 2 or len(same) != len(subjects):
                continue
            mean = {key: None for key in same[0]}
            mean |= {key: same[0][key] for key in ("source", "dataset", "method")}
            mean["subject"] = f"mean of {len(same)}"
            for column in COLUMNS:
                values = [row[column.key] for row in same]
                mean[column.key] = None if None in values else float(np.mean(values))
            found.append(mean)
    return found


def paper_rows(path: Path | None) -> list[dict]:
    """The paper's rows.

    Raises:
        UserError: the file is missing or has no methods.
    """
    if path is None:
        return []
    try:
        table = pd.read_csv(path, keep_default_na=False)
        names = table["method"]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} holds no figures of the paper ({error}).") from None
    rows = []
    for index, name in enumerate(names):
        row = {"source": "paper", "dataset": table["dataset"][index], "subject": "", "method": name}
        for column in COLUMNS:
            text = str(table[column.key][index]) if column.key in table else ""
            row[column.key] = float(text) if text else None
        row["training"] = str(table["training"][index]) if "training" in table else None
        rows.append(row)
    return rows


def duration(seconds: float) -> str:
    """Seconds as the paper writes times: 1.5h, or minutes below an hour."""
    return f"{seconds / 3600:.3g}h" if seconds >= 3600 else f"{seconds / 60:.2g}min"


def cell(row: pd.Series, key: str) -> str:
    """A figure as text; a dash where it is empty."""
    value = row.get(key)
    if value is None or (isinstance(value, float) and np.isnan(value)) or value == "":
        return GONE
    return f"{value:.{BY_KEY[key].digits}f}" if key in BY_KEY else str(value)


def to_markdown(table: pd.DataFrame, runs: list[Run], title: str) -> str:
    """The table for people: the paper's columns, then ours by region, then what to know."""
    shown = ("psnr", "lpips", "ssim", "lmd", "sync_c", "training", "fps")
    text = [f"# {title}", "", *_grid(table, shown), ""]
    here = table[table["source"] != "paper"]
    text += ["## PSNR by region, mouth and eyes", "", *_grid(here, OURS_ONLY), ""]
    text += ["## Read with it", "", *(f"- {line}" for line in notes(runs, table)), ""]
    return "\n".join(text)


def _grid(table: pd.DataFrame, keys: tuple[str, ...]) -> list[str]:
    titles = [BY_KEY[key].title if key in BY_KEY else "training ↓" for key in keys]
    lines = ["| " + " | ".join(["dataset", "subject", "method", *titles]) + " |"]
    lines.append("|" + "---|" * 3 + "--:|" * len(keys))
    for _, row in table.iterrows():
        source = " (paper)" if row["source"] == "paper" else ""
        head = [row["dataset"], row["subject"] or GONE, f"{row['method']}{source}"]
        lines.append("| " + " | ".join([*head, *(cell(row, key) for key in keys)]) + " |")
    return lines


def notes(runs: list[Run], table: pd.DataFrame) -> list[str]:
    """What a reader has to know: protocol, back-ends, devices, reasons for empty columns."""
    found = [
        "Every pixel is rendered, none is pasted from a test frame; lossless renders are compared.",
        "The paper's figures are on its own videos and weights: a scale, not a contest.",
        f"LMD is in pixels at {PAPER_SIZE}; voice gain is LMD with shuffled minus LMD with the "
        'right speech, pixels at 256 (0: the mouth does not listen); "r, shuffled voice" is what '
        "head pose and eyes alone explain of the mouth's opening.",
    ]
    if "paper" not in set(table["source"]):
        del found[1]
    for label, values in (
        ("Device", {run.metrics["device"] for run in runs}),
        ("Landmarks", {run.metrics["landmark_backend"] for run in runs}),
    ):
        found.append(f"{label}: {', '.join(sorted(values))}.")
    stands = {f"{k} {v}" for run in runs for k, v in run.metrics.get("backends", {}).items()}
    if stands:
        found.append(f"Back-ends: {', '.join(sorted(stands))}.")
    for column in COLUMNS:
        reasons = {run.reason(column.metric, column.region) for run in runs} - {None}
        for reason in sorted(reasons):
            found.append(f"{column.title.split()[0]} is empty where {reason}.")
    return found


if __name__ == "__main__":
    cli.run(collate)
