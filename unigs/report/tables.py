"""Stage collate: the figures of several subjects and variants, with the paper's beside them."""

from pathlib import Path

import pandas as pd

from unigs.evaluate import catalogue
from unigs.evaluate.catalogue import PAPER_SIZE
from unigs.evaluate.records import PORTRAIT, STATIC
from unigs.evaluate.runs import PASTED_MARK, Run, earlier_runs, first_runs, read_runs
from unigs.report.cells import (
    BEST,
    GONE,
    OUT_OF_CONTEST,
    SECOND,
    TRAINING,
    cell,
    duration,
    heading,
    marks,
    paper_columns,
    plain,
)
from unigs.report.intervals import difference_section, interval_section
from unigs.report.latex import to_latex
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, read_json, write_text

MARKED = {BEST: "**{}**", SECOND: "<u>{}</u>"}
"""How the best and the second best figure are shown in Markdown."""


def collate(
    metrics: tuple[Path, ...],
    out: Path,
    markdown: Path,
    speed: tuple[Path, ...] = (),
    datasets: tuple[str, ...] = (),
    paper: Path | None = None,
    paper_table: str = "",
    title: str = "",
    earlier: tuple[Path, ...] = (),
    compared: Path | None = None,
    latex: Path | None = None,
) -> None:
    """Write one table as CSV, as Markdown and as LaTeX.

    Args:
        metrics: metrics.json of each subject and variant.
        out: the table (.csv), one row per method, with back-ends, device and reasons.
        markdown: the table for people (.md).
        speed: speed.json of the same runs.
        datasets: subject=dataset words.
        paper: the paper's figures (.csv): table, dataset, method, figures and source.
        paper_table: name of the paper's table; empty: all rows of the file.
        title: the table's heading.
        earlier: metrics.json of portraits that were made before and stay in the table.
        compared: means and differences that `compare` took of the same runs (.json).
        latex: the table for articles (.tex); None: it is not written.
    """
    runs = read_runs(metrics, speed, datasets) + earlier_runs(earlier)
    firsts = first_runs(runs)
    rows = [row for run in runs for row in run_rows(run, first=firsts[run.subject] is run)]
    content = None if compared is None else read_json(compared)
    rows = ([] if content is None else compared_rows(content)) + rows
    table = pd.DataFrame(paper_rows(paper, paper_table) + rows)
    with atomic(out) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
    table["marks"] = marks(table)
    write_text(markdown, to_markdown(table, runs, title or out.stem, content))
    if latex is not None:
        write_text(latex, to_latex(table, paper_columns(), title or out.stem))


def run_rows(run: Run, first: bool = True) -> list[dict]:
    """The rows of one run: the portrait, its static model, and the pictures of the clip.

    The true frames have a row where a figure was taken of them, too: figures of sync.

    Args:
        run: figures of a subject and variant.
        first: whether to list the pictures of the clip, too.
    """
    rows = [figure_row(run, PORTRAIT, run.name)]
    methods = {row["method"] for row in run.metrics["metrics"]}
    for method, words in catalogue.BASELINES.items():
        if method not in methods or (method != STATIC and not first):
            continue
        if all(run.shown(figure, method) is None for figure in catalogue.FIGURES):
            continue
        name = f"{words} of {run.variant}" if method == STATIC else words
        rows.append(figure_row(run, method, name))
    return rows


def figure_row(run: Run, method: str, name: str) -> dict:
    """One row of the table.

    Args:
        run: figures of a subject and variant.
        method: what was judged.
        name: the method's name in the table.
    """
    row = {
        "source": "here" if method == PORTRAIT else "baseline",
        "dataset": run.dataset,
        "subject": run.subject,
        "method": name,
    }
    reasons = []
    for figure in catalogue.FIGURES:
        value = run.shown(figure, method)
        row[figure.key] = value
        if (limits := run.limits(figure, method)) is not None:
            row[f"{figure.key}_low"], row[f"{figure.key}_high"] = limits
        if value is None and method == PORTRAIT:
            reasons.append(f"{figure.key}: {run.why_empty(figure, method)}")
    trained = run.metrics.get("training", {}).get("seconds")
    row[TRAINING] = duration(trained) if trained is not None and method == PORTRAIT else None
    row["test_frames"], row["size"] = run.metrics["test_frames"], run.metrics["size"]
    row["device"] = run.metrics["device"]
    known = run.metrics.get("backends", {}) | {"landmarks": run.metrics["landmark_backend"]}
    row["backends"] = "; ".join(f"{key}: {value}" for key, value in known.items())
    row["empty"] = "; ".join(reasons)
    return row


def compared_rows(content: dict) -> list[dict]:
    """Rows of what `compare` took from the runs: means over subjects and over seeds.

    Args:
        content: what it wrote.
    """
    found = []
    for told in [*content["means"], *content["seeds"]]:
        seeds = f" (mean of {told['seeds']} seeds)" if "seeds" in told else ""
        row = {"source": "baseline" if told.get("baseline") else "here"}
        row |= {"dataset": told["dataset"], "subject": told["subject"]}
        row["method"] = told["method"] + seeds
        for key, told_cell in told["figures"].items():
            row[key] = told_cell["value"]
            row |= {f"{key}_{e}": told_cell[e] for e in ("low", "high") if e in told_cell}
        found.append(row)
    return found


def paper_rows(path: Path | None, name: str = "") -> list[dict]:
    """The paper's rows.

    Args:
        path: its figures (.csv); the column `OUT_OF_CONTEST`, which may be missing, has those that
            the paper shows and takes out of its comparison.
        name: name of its table; empty: all rows.

    Raises:
        UserError: the file is missing, has no methods, or takes what is no figure out of contest.
    """
    if path is None:
        return []
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        names = table["method"]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} holds no figures of the paper ({error}).") from None
    rows = []
    for index, method in enumerate(names):
        if name and table["table"][index] != name:
            continue
        row = {"source": "paper", "dataset": table["dataset"][index], "subject": ""}
        row["method"] = method
        for key in catalogue.by_key():
            text = table[key][index] if key in table else ""
            row[key] = float(text) if text else None
        row[TRAINING] = table[TRAINING][index] if TRAINING in table else None
        row[OUT_OF_CONTEST] = table[OUT_OF_CONTEST][index] if OUT_OF_CONTEST in table else ""
        if unknown := set(row[OUT_OF_CONTEST].split()) - set(catalogue.by_key()):
            raise UserError(
                f"{path} takes {', '.join(sorted(unknown))} of {method} out of contest, which is "
                "no figure: write keys of its columns."
            )
        rows.append(row)
    return rows


def to_markdown(
    table: pd.DataFrame, runs: list[Run], title: str, compared: dict | None = None
) -> str:
    """The table for people: the paper's columns, then ours by region, then what to know.

    Args:
        table: all rows.
        runs: the runs that are in it.
        title: the heading.
        compared: what `compare` wrote.
    """
    text = [f"# {plain(title)}", "", *_grid(table, paper_columns()), ""]
    here = table[table["source"] != "paper"]
    twice = [figure for figure in catalogue.FIGURES if figure.second_of]
    own = [f.key for f in catalogue.FIGURES if not (f.of_paper or f.second_of)]
    text += ["## PSNR by region, mouth and eyes", "", *_grid(here, own), ""]
    both = [key for figure in twice for key in (figure.second_of, figure.key)]
    text += ["## The mouth by two judges", "", *_grid(here, both), ""]
    text += interval_section(table, [*paper_columns(), *own])
    if compared is not None:
        text += difference_section(compared)
    text += ["## Read with it", "", *(f"- {plain(line)}" for line in notes(runs, table)), ""]
    return "\n".join(text)


def _grid(table: pd.DataFrame, keys: list[str]) -> list[str]:
    titles = [heading(key) for key in keys]
    lines = ["| " + " | ".join(["dataset", "subject", "method", *titles]) + " |"]
    lines.append("|" + "---|" * 3 + "--:|" * len(keys))
    for _, row in table.iterrows():
        source = " (paper)" if row["source"] == "paper" else ""
        head = [row["dataset"], row["subject"] or GONE, f"{row['method']}{source}"]
        marked = row.get("marks") or {}
        cells = [MARKED.get(marked.get(key), "{}").format(cell(row, key)) for key in keys]
        lines.append("| " + " | ".join([*map(plain, head), *cells]) + " |")
    return lines


def notes(runs: list[Run], table: pd.DataFrame) -> list[str]:
    """What a reader has to know: protocol, back-ends, devices, reasons for empty columns.

    Args:
        runs: the runs that are in the table.
        table: all rows.
    """
    found = [
        "Best figures of a data set's or subject's rendered rows are bold, second best underlined; "
        "the paper's rows are marked among themselves, less what it leaves out of its comparison; "
        "pasted rows and baselines are not marked at all.",
        "Every pixel of ours is rendered, none is pasted from a test frame; lossless renders are "
        "compared.",
        "The paper's figures are on its own videos and weights: a scale, not a contest.",
        f"LMD is in pixels at {PAPER_SIZE}; voice gain is LMD with shuffled minus LMD with the "
        'right speech, pixels at 256 (0: the mouth does not listen); "r, shuffled voice" is what '
        "head pose and eyes alone explain of the mouth's opening.",
        "Figures with -68 are a second judge's, a network of 68 points that had no part in the "
        "portrait's training; agreement r is how far both agree on the opening of the true mouth.",
        "Sync-ASD is coarse: read it beside the true frames' and the wrong sound's score; the "
        "offset is in frames, positive where the sound is late.",
    ]
    if "paper" not in set(table["source"]):
        del found[2]
    if any(run.pasted for run in runs):
        found[1] = (
            f"Rows with ({PASTED_MARK}) show the torso of the true test frame behind a rendered "
            "head, as published figures of systems with a head of its own do: their figures of "
            "the torso, the band and the whole frame are no renders' and stand in no contest. In "
            "all other rows every pixel is rendered; lossless renders are compared."
        )
    if any(run.foreign for run in runs):
        found.append(
            "Rows of other systems show their own videos, brought to the clip's frames and pixels "
            "as found from the pictures; what is pasted in them is theirs (docs/renders.md)."
        )
    for label, values in (
        ("Device", {run.metrics["device"] for run in runs}),
        ("Landmarks", {run.metrics["landmark_backend"] for run in runs}),
    ):
        found.append(f"{label}: {', '.join(sorted(values))}.")
    stands = {f"{k} {v}" for run in runs for k, v in run.metrics.get("backends", {}).items()}
    if stands:
        found.append(f"Back-ends: {', '.join(sorted(stands))}.")
    for figure in catalogue.FIGURES:
        reasons = {run.why_empty(figure) for run in runs} - {None}
        found += [f"{figure.name} is empty where {reason}." for reason in sorted(reasons)]
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    cli.run(collate)
