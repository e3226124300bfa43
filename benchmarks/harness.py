"""Timing, the machine's description, tables and JSON for all benchmarks.

Computers change speed while one measures (other jobs, clock, heat). So the candidates of a
comparison take turns, round by round; a ratio is taken within each round and its median is
reported, which is far steadier than the milliseconds themselves. On a busy machine the ratio of CPU
times is the one to read: waiting for a processor is not in it.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import machine, machine_slug
from unigs.compute.threads import default_threads, get_threads, set_threads
from unigs.stage.files import write_json

RESULTS = Path(__file__).parent / "results"
COUNTS = (2_000, 20_000, 50_000)
SIZES = (128, 256, 480)
SLOW_MS = 1000.0
TINY = {"counts": (300,), "sizes": (64,), "seconds": 0.0}


@dataclass
class Row:
    """One candidate of one comparison.

    Attributes:
        group: what is timed, e.g. "SSIM forward + backward".
        size: its size in words, e.g. "3 x 480 x 480".
        name: the candidate.
        median_ms: median wall time.
        best_ms: shortest wall time.
        cpu_ms: median CPU time of all threads.
        ratio: median over the rounds of the time relative to the first candidate's.
        cpu_ratio: median over the rounds of the CPU time relative to the first candidate's.
        calls: number of timed calls.
        note: e.g. the largest difference of its result from the first candidate's.
        threads: threads of the kernels and of torch.
    """

    group: str
    size: str
    name: str
    median_ms: float
    best_ms: float
    cpu_ms: float
    ratio: float
    cpu_ratio: float
    calls: int
    note: str = ""
    threads: int = field(default_factory=get_threads)


@dataclass(frozen=True)
class Sizes:
    """What a benchmark runs on: numbers of Gaussians, sides of images, seconds per comparison."""

    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    seconds: float


@dataclass
class Report:
    """What one benchmark measured; `facts` holds what is counted rather than timed."""

    name: str
    machine: dict
    rows: list[Row] = field(default_factory=list)
    facts: list[dict] = field(default_factory=list)


def _once(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU time of one call in milliseconds."""
    start, start_cpu = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - start) * 1e3, (time.process_time() - start_cpu) * 1e3


def compare(
    group: str,
    size: str,
    candidates: dict[str, Callable[[], object]],
    *,
    seconds: float,
    agreement: Callable[[object, object], str] | None = None,
    rounds: tuple[int, int] = (1, 100),
) -> list[Row]:
    """Time candidates in turns.

    A fast candidate runs several times in its turn (up to ten, a tenth of the slowest one's time),
    and the turn counts with their median.

    Args:
        group: what is timed.
        size: at which size.
        candidates: name -> call; the ratios are relative to the first one.
        seconds: time for this comparison; the first, unrecorded round (compilation, caches) and
            the smallest number of rounds may exceed it.
        agreement: note for the table from a candidate's result and the first one's.
        rounds: smallest and largest number of rounds.
    """
    calls = list(candidates.values())
    results, first = [], []
    for call in calls:
        start = time.perf_counter()
        results.append(call())
        first.append((time.perf_counter() - start) * 1e3)
    notes = ["" if agreement is None else agreement(r, results[0]) for r in results]
    notes[0] = ""
    # What was slow at first may have been compiling; what is slow in any case is not run for it.
    first = [t if t > SLOW_MS else _once(call)[0] for call, t in zip(calls, first, strict=True)]
    repeats = [int(min(10, max(1, 0.1 * max(first) / time_))) for time_ in first]
    turns: list[list[np.ndarray]] = [[] for _ in calls]
    end = time.perf_counter() + seconds
    done = 0
    while done < rounds[0] or (time.perf_counter() < end and done < rounds[1]):
        for k, call in enumerate(calls):
            turns[k].append(np.array([_once(call) for _ in range(repeats[k])]))
        done += 1
    return rows_of(group, size, dict(zip(candidates, turns, strict=True)), notes)


def rows_of(
    group: str, size: str, turns: dict[str, list[np.ndarray]], notes: list[str] | None = None
) -> list[Row]:
    """Medians of candidates that took turns; ratios to the first one within each round.

    Args:
        group: what was timed.
        size: at which size.
        turns: name -> for each round the wall and CPU times of its calls in ms, [calls, 2].
        notes: one for each candidate.
    """
    medians = np.array([[np.median(turn, axis=0) for turn in one] for one in turns.values()])
    ratios = np.median(medians / np.maximum(medians[:1], 1e-6), axis=1)
    every = [np.concatenate(one) for one in turns.values()]
    return [
        Row(
            group,
            size,
            name,
            median_ms=float(np.median(every[k][:, 0])),
            best_ms=float(every[k][:, 0].min()),
            cpu_ms=float(np.median(every[k][:, 1])),
            ratio=float(ratios[k, 0]),
            cpu_ratio=float(ratios[k, 1]),
            calls=len(every[k]),
            note=notes[k] if notes else "",
        )
        for k, name in enumerate(turns)
    ]


def table(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table with aligned columns; numbers stand to the right."""
    widths = [max(len(line[k]) for line in [header, *lines]) for k in range(len(header))]
    right = [
        bool(lines) and all(line[k][:1].isdigit() or not line[k] for line in lines)
        for k in range(len(header))
    ]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]

    def text(line: list[str]) -> str:
        cells = (
            cell.rjust(w) if r else cell.ljust(w)
            for cell, w, r in zip(line, widths, right, strict=True)
        )
        return "| " + " | ".join(cells) + " |"

    return "\n".join(text(line) for line in [header, rule, *lines])


def show(rows: list[Row]) -> None:
    """Print one table per group."""
    for group in dict.fromkeys(row.group for row in rows):
        print(f"\n{group}\n")
        header = [
            "size",
            "candidate",
            "median ms",
            "best ms",
            "CPU ms",
            "ratio",
            "CPU ratio",
            "calls",
            "note",
        ]
        lines = [
            [
                row.size,
                row.name,
                f"{row.median_ms:.2f}",
                f"{row.best_ms:.2f}",
                f"{row.cpu_ms:.2f}",
                f"{row.ratio:.2f}",
                f"{row.cpu_ratio:.2f}",
                str(row.calls),
                row.note,
            ]
            for row in rows
            if row.group == group
        ]
        print(table(header, lines), flush=True)


def run(
    name: str,
    bench: Callable[[Report, Sizes], None],
    seconds: float,
    arguments: list[str] | None = None,
) -> Path:
    """Run one benchmark with one thread and with all, print its tables, write its JSON file.

    Args:
        name: name of the benchmark and of its file.
        bench: adds rows, and what it counts, to the report.
        seconds: per comparison, unless a flag says otherwise.
        arguments: flags of the command line; None: those of this process.

    Returns:
        The JSON file.
    """
    flags = _flags(name, seconds, arguments)
    report = Report(name, machine())
    print(f"\n== {name}")
    for key, value in report.machine.items():
        print(f"{key}: {value}")
    sizes = Sizes(**TINY) if flags.quick else Sizes(COUNTS, SIZES, flags.seconds)
    path = flags.out / f"{name}-{machine_slug()}.json"
    before = get_threads(), torch.get_num_threads()
    for threads in flags.threads or sorted({1, default_threads()}):
        set_threads(threads)
        # the same number for both: otherwise one side of a comparison has more processors
        torch.set_num_threads(threads)
        rows, facts = len(report.rows), len(report.facts)
        print(f"\n-- {name}, threads: {threads}")
        bench(report, sizes)
        show(report.rows[rows:])
        show_facts(report.facts[facts:])
        write_json(path, asdict(report))  # after each pass: an interrupted run keeps the first
    set_threads(before[0])
    torch.set_num_threads(before[1])
    print(f"\nwritten to {path}")
    return path


def _flags(name: str, seconds: float, arguments: list[str] | None) -> argparse.Namespace:
    """The flags that all benchmarks share."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument(
        "--threads", type=int, nargs="*", help="threads of the kernels and of torch (1 and all)"
    )
    parser.add_argument(
        "--seconds", type=float, default=seconds, help="time per comparison (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON file")
    parser.add_argument("--quick", action="store_true", help="one tiny size: does it run at all?")
    return parser.parse_args(arguments)


def show_facts(facts: list[dict]) -> None:
    """Print what was counted; all facts of a benchmark have the same keys."""
    if facts:
        lines = [
            [f"{value:.2f}" if isinstance(value, float) else str(value) for value in fact.values()]
            for fact in facts
        ]
        print("\n" + table(list(facts[0]), lines), flush=True)
