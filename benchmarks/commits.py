"""How fast this checkout trains and plays beside another commit, in turns within one run.

python -m benchmarks.commits COMMIT
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks import harness, playback, training
from benchmarks.machine import machine, machine_slug
from unigs.compute.threads import default_threads
from unigs.stage.files import write_json

REPO = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("commit_worker.py")
GROUPS = training.STEPS | {"playback": playback.GROUP}
"""What `commit_worker` calls a work -> what it is called in the results."""
NOW = "this checkout"


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with the files of a commit, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="unigs-commit-") as folder:
        archive = subprocess.run(
            ["git", "archive", commit], cwd=REPO, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        yield Path(folder)


class Worker:
    """A process that does the works of one checkout."""

    def __init__(self, folder: Path, count: int, size: int, threads: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, WORKER, str(count), str(size), str(threads)],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait()

    def ready(self) -> None:
        """Wait until its kernels are compiled.

        Raises:
            RuntimeError: the process ended; it has said why.
        """
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("a checkout's worker ended; see above.")

    def times(self, work: str) -> tuple[float, float]:
        """Wall and CPU time of a work in milliseconds."""
        self.process.stdin.write(f"{work}\n")
        self.process.stdin.flush()
        wall, cpu = map(float, self.process.stdout.readline().split())
        return 1e3 * wall, 1e3 * cpu


def in_turns(workers: dict[str, Worker], size: str, rounds: int, threads: int) -> list[harness.Row]:
    """Every work by every checkout, in turns; ratios to the first checkout within each round.

    Args:
        workers: name of a checkout -> its process.
        size: size of the work in words.
        rounds: turns.
        threads: threads of the kernels.
    """
    found = []
    for work, group in GROUPS.items():
        turns = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                turns[name].append(np.array([worker.times(work)]))
        rows = harness.rows_of(group, size, turns)
        found += [replace(row, threads=threads) for row in rows]
    return found


def main(arguments: list[str] | None = None) -> Path:
    """Compare, print a table per work, write a JSON file; returns its path."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commits", description=__doc__)
    parser.add_argument("commit", help="commit to compare with, as git names it")
    parser.add_argument("--count", type=int, default=20_000, help="Gaussians (%(default)s)")
    parser.add_argument("--size", type=int, default=480, help="width in pixels (%(default)s)")
    parser.add_argument("--threads", type=int, default=default_threads(), help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=30, help="turns of each (%(default)s)")
    parser.add_argument("--out", type=Path, default=harness.RESULTS, help="folder of the JSON file")
    flags = parser.parse_args(arguments)
    report = harness.Report("commits", machine())
    with checkout(flags.commit) as folder, ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(path, flags.count, flags.size, flags.threads))
            for name, path in ((flags.commit, folder), (NOW, REPO))
        }
        for worker in workers.values():
            worker.ready()
        size = f"{flags.count} Gaussians, {flags.size} px"
        report.rows = in_turns(workers, size, flags.rounds, flags.threads)
    harness.show(report.rows)
    path = flags.out / f"{report.name}-{machine_slug()}.json"
    write_json(path, asdict(report))
    return path


if __name__ == "__main__":
    main()
