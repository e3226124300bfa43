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
from unigs.evaluate.catalogue import BASELINES, Figure
from unigs.evaluate.interval import DRAWS, interval, read_draws
from unigs.evaluate.records import PORTRAIT, STATIC
from unigs.evaluate.runs import (
    MEAN_OF,
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
Pair = tuple[str, str]
"""Subject and variant."""


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
    subjects = {run.subject: run.dataset for run in runs}
    names = {(run.subject, run.variant): run.name for run in runs}
    own = {(run.subject, run.variant): quantities(run) for run in runs}
    seeds = seed_means(own)
    # Of a variant with several seeds their mean stands for the variant.
    judged = own | {key: row for key, (row, _) in seeds.items()}
    marked = dict.fromkeys(name for (_, variant), name in names.items() if variant == reference)
    write_json(
        out,
        {
            "draws": DRAWS,
            "reference": " / ".join(marked) or reference,
            "seeds": [
                _row(subjects[key[0]], key[0], names[key], row, seeds=count)
                for key, (row, count) in seeds.items()
            ],
            "means": [*subject_means(judged, subjects, names), *baseline_means(runs)],
            "differences": differences(judged, subjects, names, reference) if reference else [],
        },
    )


def quantities(run: Run, method: str = PORTRAIT) -> Row:
    """The figures of a run, in the units in which they are shown.

    Args:
        run: the run; draws of its portrait lie beside its figures, where it has them.
        method: what was judged.

    Raises:
        UserError: its draws are damaged.
    """
    draws = None if run.folder is None else run.folder / "draws.npz"
    has_draws = method == PORTRAIT and draws is not None and draws.is_file()
    found, known = {}, read_draws(draws) if has_draws else {}
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


def seed_means(own: dict[Pair, Row]) -> dict[Pair, tuple[Row, int]]:
    """Subject and variant -> means over its seeds, and how many there are; others are left out.

    Args:
        own: subject and variant -> its figures.
    """
    grouped: dict[Pair, list[Row]] = {}
    for (subject, variant), row in own.items():
        key = subject, root_of(variant)
        grouped.setdefault(key if key in own else (subject, variant), []).append(row)
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


def subject_means(
    judged: dict[Pair, Row], subjects: dict[str, str], names: dict[Pair, str]
) -> list[dict]:
    """Means over the subjects of a data set, for variants that every one of them has.

    Args:
        judged: subject and variant -> its figures.
        subjects: subject -> its data set.
        names: subject and variant -> how the variant is called in tables.
    """
    found = []
    for dataset, group in _by_dataset(subjects).items():
        for variant in _variants(judged):
            keys = [(name, variant) for name in group]
            if set(keys) <= judged.keys():
                found += _mean(dataset, {key: judged[key] for key in keys}, names)
    return found


def baseline_means(runs: list[Run]) -> list[dict]:
    """The same for what a portrait has to beat; taken of the first portrait of each subject.

    Args:
        runs: all runs.
    """
    found, firsts = [], first_runs(runs)
    for dataset, names in _by_dataset({name: run.dataset for name, run in firsts.items()}).items():
        group = [firsts[name] for name in names]
        for method in (m for m in BASELINES if m != STATIC):
            rows = [quantities(run, method) for run in group]
            if len(rows) > 1 and all(rows):
                mean = _row(dataset, f"{MEAN_OF} {len(rows)}", BASELINES[method], mean_row(rows))
                found.append({**mean, "baseline": True})
    return found + static_means(runs)


def static_means(runs: list[Run]) -> list[dict]:
    """The same for the static models of variants that all subjects of a data set have.

    Args:
        runs: all runs.
    """
    found = []
    for dataset, names in _by_dataset({run.subject: run.dataset for run in runs}).items():
        for variant in dict.fromkeys(run.variant for run in runs):
            group = [run for run in runs if run.variant == variant and run.subject in names]
            rows = [quantities(run, STATIC) for run in group]
            if len(rows) == len(names) > 1 and all(rows):
                words = f"{BASELINES[STATIC]} of {variant}"
                mean = _row(dataset, f"{MEAN_OF} {len(rows)}", words, mean_row(rows))
                found.append({**mean, "baseline": True})
    return found


def differences(
    judged: dict[Pair, Row], subjects: dict[str, str], names: dict[Pair, str], reference: str
) -> list[dict]:
    """The reference less each other variant, on each subject and on the mean of a data set.

    Further seeds of a variant are left out: the variant's figures are their mean.

    Args:
        judged: subject and variant -> its figures.
        subjects: subject -> its data set.
        names: subject and variant -> how the variant is called in tables.
        reference: the variant of reference.
    """
    found = []
    for dataset, group in _by_dataset(subjects).items():
        for variant in (v for v in _variants(judged) if v != reference):
            root = root_of(variant)
            rows = {
                (name, variant): _minus(judged[name, reference], judged[name, variant])
                for name in group
                if {(name, reference), (name, variant)} <= judged.keys()
                and (root == variant or (name, root) not in judged)
            }
            found += [_row(dataset, key[0], names[key], row) for key, row in rows.items()]
            if len(rows) == len(group):
                found += _mean(dataset, rows, names)
    return found


def _mean(dataset: str, rows: dict[Pair, Row], names: dict[Pair, str]) -> list[dict]:
    """The row of means over subjects, if there are several and none alone is pasted."""
    called = {names[key] for key in rows}
    if len(rows) < 2 or len(called) > 1:
        return []
    return [_row(dataset, f"{MEAN_OF} {len(rows)}", called.pop(), mean_row(list(rows.values())))]


def _minus(ours: Row, theirs: Row) -> Row:
    return {key: ours[key].minus(theirs[key]) for key in ours if key in theirs}


def _by_dataset(subjects: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, dataset in subjects.items():
        found.setdefault(dataset, []).append(name)
    return found


def _variants(judged: dict[Pair, Row]) -> list[str]:
    return list(dict.fromkeys(variant for _, variant in judged))


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
