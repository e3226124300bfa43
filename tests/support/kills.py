"""Stages that are killed: at a moment, or in the act of writing.

Each attempt is a process that is forked from one which has loaded the libraries and done nothing
with them, so that it costs little. `kill -9` runs no clean-up, and neither does this.
"""

from __future__ import annotations

import csv
import importlib
import json
import multiprocessing
import os
import re
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ctypes import c_bool
from dataclasses import dataclass
from pathlib import Path

from tests.support.workflow import REPO, snakemake
from unigs.workflow.stages import STAGES

PREPARATION = (
    "crop_clip", "detect_landmarks", "screen_clip", "extract_audio", "encode_speech",
    "measure_eyes", "fit_pose", "segment_regions", "track_body",
)  # fmt: skip
TRAININGS = ("train_static", "train_dynamic")
LONGEST = 300
"""Seconds after which an attempt counts as hung."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
ACTS = {"open": None, "os.rename": 2, "os.remove": 1, "os.chmod": 2, "os.mkdir": 2}
"""What Python tells of an act of writing, before it is done -> which of its arguments is the folder
(a file descriptor, or -1) from which a relative path is seen."""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__, "unigs.train.static", "unigs.train.dynamic"])


@dataclass(frozen=True)
class Stage:
    """A stage as the workflow calls it."""

    name: str
    words: list[str]
    """Its command line."""
    outputs: list[str]
    """Files that it makes, seen from the working directory."""


def planned_stages(folder: Path, targets: Sequence[str], **variables: str) -> dict[str, Stage]:
    """Stages that the workflow would run, in an order in which they can be run.

    Args:
        folder: working directory.
        targets: what is to be made.
        variables: environment.
    """
    words = ("--dry-run", "--printshellcmds", "--snakefile", f"{REPO}/workflow/Snakefile")
    said = snakemake(*targets, *words, cwd=folder, **variables).stdout
    pattern = r"^(?:local)?rule (\w+):$.*?^ +output: (.*?)$.*?python -m unigs\S+ (.*?) +> logs"
    found = {}
    for name, outputs, command in re.findall(pattern, said, re.M | re.S):
        found[name] = Stage(name, shlex.split(command), outputs.split(", "))
    return {name: found[name] for name in STAGES if name in found}


@dataclass(frozen=True)
class Attempt:
    """How a stage ended."""

    code: int
    """Its exit code; minus the number of the signal that killed it."""
    said: str
    """All that it said."""
    acts: int
    """Acts of writing that it began."""

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def attempt(
    stage: Stage,
    folder: Path,
    *,
    after: float | None = None,
    since: str = "",
    number: int = signal.SIGKILL,
    act: int | None = None,
    changed: Mapping[str, object] | None = None,
    more: Sequence[str] = (),
) -> Attempt:
    """Run a stage in its working directory until it ends or is killed.

    Args:
        stage: the stage.
        folder: working directory.
        after: seconds after which it is sent a signal; None: never.
        since: word that it must have said before these seconds count.
        number: the signal.
        act: act of writing, counted from 0, in which it is killed; None: in none.
        changed: attribute of a module, with a dot between -> its value in the process.
        more: further words of its command line.
    """
    begun, acts = _processes.Value(c_bool, False), _processes.Value("i", 0)
    said = folder / "said.txt"
    arguments = (stage, folder, said, begun, acts, act, dict(changed or {}), list(more))
    process = _processes.Process(target=_run, args=arguments)
    process.start()
    while after is not None and process.is_alive():
        if begun.value and since in said.read_text():
            break
        process.join(0.01)
    process.join(LONGEST if after is None else after)
    if after is not None and process.is_alive():
        with suppress(ProcessLookupError):  # it ended just now
            os.kill(process.pid, number)
        process.join(LONGEST)
    assert process.exitcode is not None, said.read_text()
    return Attempt(process.exitcode, said.read_text(), acts.value)


def _run(stage, folder, said, begun, acts, act, changed, more) -> None:
    """Body of an attempt's process."""
    from unigs.stage import cli

    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.chdir(folder)
    for name, value in changed.items():
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, value)
    function = getattr(importlib.import_module(STAGES[stage.name]), stage.name)
    sys.addaudithook(_Executioner(folder, acts, act))
    begun.value = True
    cli.run(function, [*stage.words, *more])


class _Executioner:
    """Counts acts of writing in a folder, and kills its process in one of them.

    A file that was written and is about to get its rights or its name loses its second half first:
    so it looks a moment earlier.
    """

    def __init__(self, folder: Path, count, act: int | None) -> None:
        self.folder, self.count, self.act = f"{folder}/", count, act

    def __call__(self, event: str, arguments: tuple) -> None:
        if event not in ACTS or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        if event == "open" and not (arguments[2] or 0) & WRITING:
            return
        path = _absolute(os.fsdecode(arguments[0]), event, arguments)
        if not path.startswith(self.folder):
            return
        if self.count.value == self.act:
            if event in ("os.chmod", "os.rename"):
                os.truncate(path, os.path.getsize(path) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        self.count.value += 1


def _absolute(path: str, event: str, arguments: tuple) -> str:
    """Where a path leads: what clears a folder names its files as seen from there."""
    place = ACTS[event]
    opened = -1 if place is None else arguments[place]
    folder = "" if opened == -1 else os.readlink(f"/proc/self/fd/{opened}")
    return os.path.abspath(os.path.join(folder, path))


def contents(folder: Path, names: Sequence[str]) -> dict[str, object]:
    """Content of those files that are there, without the seconds that a record holds.

    Args:
        folder: working directory.
        names: files.
    """
    return {name: _content(folder / name) for name in names if (folder / name).exists()}


def _content(path: Path) -> object:
    if path.name == "run.json":
        record = json.loads(path.read_text())
        record["summary"].pop("seconds")
        return record
    if path.name == "curve.csv":
        with open(path, newline="") as file:
            return [
                {k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)
            ]
    return path.read_bytes()
