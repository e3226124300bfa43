"""Stage compare: what follows from the figures of several runs: means, seeds, differences.

Tables show these numbers and compute none. Intervals are those of draws: frames are drawn in blocks
(`unigs.evaluate.interval`), and where a variant was trained with several seeds, the seeds too.
Differences between variants are taken draw by draw on the same frames.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.evaluate import catalogue
from unigs.evaluate.catalogue import Figure
from unigs.evaluate.interval import DRAWS, interval, read_draws
from unigs.evaluate.records import PORTRAIT, STATIC
from unigs.evaluate.runs import (
    MEAN_OF,
    METHOD_NAMES,
    Run,
    earlier_runs,
    first_runs,
    read_runs,
    root_of,
)
from unigs.stage import cli
from unigs.stage.files import write_json


@dataclass(frozen=True)
class Quantity:
    """A figure, and the figures of its draws."""

    value: float
    draws: np.ndarray | None = None
    """[B]; None where it has none."""

    def to_json(self) -> dict:
        """Value, and interval where there is one."""
        limits = None if self.draws is None else interval(self.draws)
        ends = {} if limits is None else {"low": limits[0], "high": limits[1]}
        return {"value": self.value, **ends}

    def minus(self, other: Quantity) -> Quantity:
        """The difference, draw by draw."""
        both = self.draws is not None and other.draws is not None
        return Quantity(self.value - other.value, self.draws - other.draws if both else None)


Row = dict[str, Quantity]
"""Key of a figure -> what it is."""


def compare(
    metrics: tuple[Path, ...],
    out: Path,
    speed: tuple[Path, ...] = (),
    datasets: tuple[str, ...] = (),
    reference: str = "",
    earlier: tuple[Path, ...] = (),
) -> None:
    """Take means over subjects and seeds, and differences to one variant.

    Args:
        metrics: metrics.json of each subject and variant, with draws.npz beside it.
        out: what follows from them (.json).
        speed: speed.json of the same runs.
        datasets: subject=dataset words.
        reference: variant from which the differences of the others are taken; empty: no
            differences.
        earlier: metrics.json of portraits that were made before and stay in the table.

    Raises:
        UserError: a file is missing or damaged.
    """
    runs = read_runs(metrics, speed, datasets) + earlier_runs(earlier)
    drawn = {}
    for folder in (Path(path).parent for path in (*metrics, *earlier)):
        if (folder / "draws.npz").is_file():
            drawn[folder.parts[-3:-1]] = folder / "draws.npz"
    subjects = {run.subject: run.dataset for run in runs}
    own = {
        (run.subject, run.name): quantities(run, drawn.get((run.subject, run.variant)))
        for run in runs
    }
    seeds = seed_means(own)
    # Of a variant with several seeds their mean stands for the variant.
    judged = own | {key: row for key, (row, _) in seeds.items()}
    write_json(
        out,
        {
            "draws": DRAWS,
            "reference": reference,
            "seeds": [
                _row(subjects[subject], subject, method, row, seeds=count)
                for (subject, method), (row, count) in seeds.items()
            ],
            "means": [*subject_means(judged, subjects), *baseline_means(runs)],
            "differences": differences(judged, subjects, reference) if reference else [],
        },
    )


def quantities(run: Run, draws: Path | None, method: str = PORTRAIT) -> Row:
    """The figures of a run, in the units in which they are shown.

    Args:
        run: the run.
        draws: its draws.npz; None: it has none.
        method: what was judged.
    """
    found, known = {}, {} if draws is None else read_draws(draws)
    # Draws of two people are independent, those of two variants of one person are the same.
    order = np.random.default_rng(zlib.crc32(run.subject.encode())).permutation(DRAWS)
    for figure in catalogue.FIGURES:
        value = run.shown(figure, method)
        if value is None:
            continue
        rows = known.get((figure.metric, figure.region, method))
        fits = rows is not None and len(rows) == DRAWS
        found[figure.key] = Quantity(value, rows[order] * figure.factor if fits else None)
    return found


def seed_means(own: dict[tuple[str, str], Row]) -> dict[tuple[str, str], tuple[Row, int]]:
    """Subject and variant -> means over its seeds, and how many there are; others are left out.

    Args:
        own: subject and name of the run -> its figures.
    """
    grouped: dict[tuple[str, str], list[Row]] = {}
    for (subject, name), row in own.items():
        root = root_of(name) if (subject, root_of(name)) in own else name
        grouped.setdefault((subject, root), []).append(row)
    return {key: (mean_of_seeds(rows), len(rows)) for key, rows in grouped.items() if len(rows) > 1}


def mean_of_seeds(rows: list[Row]) -> Row:
    """Means over runs that differ in their seed; each draw draws seeds with replacement, too."""
    chosen = np.random.default_rng(0).integers(0, len(rows), (len(rows), DRAWS))
    found = {}
    for key in set.intersection(*(set(row) for row in rows)):
        draws = [row[key].draws for row in rows]
        mixed = None
        if all(d is not None for d in draws):
            mixed = np.stack(draws)[chosen, np.arange(DRAWS)].mean(0)
        found[key] = Quantity(float(np.mean([row[key].value for row in rows])), mixed)
    return found


def mean_row(rows: list[Row]) -> Row:
    """Means over subjects; a figure that one of them lacks has none."""
    found = {}
    for key in set.intersection(*(set(row) for row in rows)):
        draws = [row[key].draws for row in rows]
        known = all(d is not None for d in draws)
        values = [row[key].value for row in rows]
        found[key] = Quantity(float(np.mean(values)), np.mean(draws, 0) if known else None)
    return found


def subject_means(judged: dict[tuple[str, str], Row], subjects: dict[str, str]) -> list[dict]:
    """Means over the subjects of a data set, for methods that every one of them has.

    Args:
        judged: subject and method -> its figures.
        subjects: subject -> its data set.
    """
    found = []
    for dataset, names in _by_dataset(subjects).items():
        for method in _methods(judged):
            rows = [judged[name, method] for name in names if (name, method) in judged]
            if len(rows) == len(names) > 1:
                found.append(_row(dataset, f"{MEAN_OF} {len(rows)}", method, mean_row(rows)))
    return found


def baseline_means(runs: list[Run]) -> list[dict]:
    """The same for what a portrait has to beat; taken of the first portrait of each subject.

    Args:
        runs: all runs.
    """
    found, firsts = [], first_runs(runs)
    for dataset, names in _by_dataset({name: run.dataset for name, run in firsts.items()}).items():
        group = [firsts[name] for name in names]
        for method, words in catalogue.BASELINES.items():
            rows = [quantities(run, None, method) for run in group]
            if len(rows) > 1 and all(rows):
                mean = _row(dataset, f"{MEAN_OF} {len(rows)}", words, mean_row(rows))
                found.append({**mean, "baseline": True})
    return found + static_means(runs)


def static_means(runs: list[Run]) -> list[dict]:
    """The same for the static models of variants that all subjects of a data set have.

    Args:
        runs: all runs.
    """
    found = []
    for dataset, names in _by_dataset({run.subject: run.dataset for run in runs}).items():
        for method in dict.fromkeys(run.name for run in runs):
            group = [run for run in runs if run.name == method and run.subject in names]
            rows = [quantities(run, None, STATIC) for run in group]
            if len(rows) == len(names) > 1 and all(rows):
                words = f"{METHOD_NAMES[STATIC]} of {method}"
                mean = _row(dataset, f"{MEAN_OF} {len(rows)}", words, mean_row(rows))
                found.append({**mean, "baseline": True})
    return found


def differences(
    judged: dict[tuple[str, str], Row], subjects: dict[str, str], reference: str
) -> list[dict]:
    """The reference less each other method, on each subject and on the mean of a data set.

    Args:
        judged: subject and method -> its figures.
        subjects: subject -> its data set.
        reference: name of the variant.
    """
    found = []
    for dataset, names in _by_dataset(subjects).items():
        for method in _methods(judged):
            rows = {
                name: _minus(judged[name, reference], judged[name, method])
                for name in names
                if {(name, reference), (name, method)} <= judged.keys()
            }
            if method == reference or root_of(method) != method or not rows:
                continue
            found += [_row(dataset, name, method, row) for name, row in rows.items()]
            if len(rows) == len(names) > 1:
                mean = mean_row(list(rows.values()))
                found.append(_row(dataset, f"{MEAN_OF} {len(rows)}", method, mean))
    return found


def _minus(ours: Row, theirs: Row) -> Row:
    return {key: ours[key].minus(theirs[key]) for key in ours if key in theirs}


def _by_dataset(subjects: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, dataset in subjects.items():
        found.setdefault(dataset, []).append(name)
    return found


def _methods(judged: dict[tuple[str, str], Row]) -> list[str]:
    return list(dict.fromkeys(method for _, method in judged))


def _row(dataset: str, subject: str, method: str, row: Row, **more: object) -> dict:
    keys = [figure.key for figure in catalogue.FIGURES if figure.key in row]
    figures = {key: row[key].to_json() for key in keys}
    return {"dataset": dataset, "subject": subject, "method": method, **more, "figures": figures}


def is_clear(figure: Figure, cell: dict) -> bool | None:
    """Whether a difference is for the better (True) or the worse (False) outside its interval.

    None where the interval holds zero, or where nothing is better.

    Args:
        figure: the figure.
        cell: the difference, as `compare` wrote it.
    """
    if figure.higher_is_better is None or "low" not in cell or cell["low"] <= 0 <= cell["high"]:
        return None
    return (cell["low"] > 0) == figure.higher_is_better


if __name__ == "__main__":
    cli.run(compare)
