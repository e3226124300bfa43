"""A bad input, the command that meets it, and what must be said; and how such a case is run."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shlex
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.workflow import REPO, snakemake
from unigs.__main__ import main

MEMORY = 700
"""Megabytes that refusing an input may take, the loading of libraries included."""
LONGEST = 700
"""Characters of a sentence that people still read."""
LIBRARIES = ("torchinductor_", ".ses")
"""Beginnings of what torch and onnxruntime put into the folder for temporary files, once."""
WORKFLOW = "snakemake"
"""First word of commands that start a process of Snakemake."""


def nothing(_: Path) -> None:
    """The bad input is the command itself."""


@dataclass(frozen=True)
class Case:
    """A bad input."""

    what: str
    """What is wrong, as a phrase."""
    command: str
    """Words of a command line, run in a folder with the good files of `good_files` in `good/`."""
    says: str
    """Regular expression found in the sentence that is said."""
    make: Callable[[Path], None] = nothing
    """Puts the bad input into the folder."""
    do: str = ""
    """What to do about it, beyond what the sentence says; `hostile` cases need none."""
    hostile: bool = False
    """Whether only somebody who means harm makes such a file."""
    detectors: bool = False
    """Whether it is met only by who has the networks that find faces."""
    site: Mapping[str, tuple] = field(default_factory=dict)
    """Path on a server -> status, headers, body; `{site}` in the command is its address."""


def snapshot(folder: Path) -> dict[str, tuple]:
    """Every file and link in a folder: kind, time, content. Snakemake's own notes are left out.

    Args:
        folder: folder to look through.
    """
    found = {}
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".snakemake"]
        for name in [*names, *(n for n in folders if Path(root, n).is_symlink())]:
            path = Path(root, name)
            state = path.lstat()
            content = os.readlink(path) if path.is_symlink() else ""
            if stat.S_ISREG(state.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            key = str(path.relative_to(folder))
            found[key] = (stat.S_IFMT(state.st_mode), state.st_mtime_ns, content)
    return found


def run(command: str, folder: Path, capture) -> tuple[int, str]:
    """Run a command line of `unigs` in this process, or of Snakemake in another.

    Args:
        command: words, quoted as for a shell.
        folder: folder to run in, which is the working directory.
        capture: pytest's capfd.

    Returns:
        Exit code, and all that was said.
    """
    program, *words = shlex.split(command)
    if program == WORKFLOW:
        words += ["--snakefile", f"{REPO}/workflow/Snakefile"]
        done = snakemake(*words, cwd=folder, check=False, UNIGS_MODELS=f"{folder}/models")
        return done.returncode, done.stdout + done.stderr
    capture.readouterr()
    code = 0
    try:
        main(words)
    except SystemExit as stop:
        code = stop.code
    return code, "".join(capture.readouterr())


def sentence(text: str) -> str:
    """What a command said last: behind `error:`, or where Snakemake says what is wrong.

    Args:
        text: all that it said.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1]
    for k, line in enumerate(lines):
        if line.endswith(("ConfigurationError:", "Exception:")) or "Missing input files" in line:
            said = [x for x in lines[k:] if not x.startswith("Using workflow specific profile")]
            return " ".join(said[line.endswith("ConfigurationError:") :])
    return lines[-1] if lines else ""


def attempt(case: Case, folder: Path, scratch: Path, capture, site: str = "") -> str:
    """Run a case and check that it is refused: one sentence, nothing left, nothing changed.

    Args:
        case: the case.
        folder: its folder, with everything that it needs.
        scratch: folder for temporary files.
        capture: pytest's capfd.
        site: address of the server, if the case has one.

    Returns:
        The sentence, without what is only of this run.
    """
    before, peak = snapshot(folder), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code, text = run(case.command.replace("{site}", site), folder, capture)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    assert code not in (0, None), f"it was accepted:\n{text}"
    assert "Traceback" not in text, text
    said = sentence(text)
    assert re.search(case.says, said), f"{case.says!r} is not in:\n{text}"
    assert len(said) < LONGEST
    after = snapshot(folder)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    assert not changed, changed
    left = [path.name for path in scratch.iterdir() if not path.name.startswith(LIBRARIES)]
    assert not left, left
    assert grown < MEMORY, f"{grown:.0f} MB"
    said = re.sub("0x[0-9a-f]+", "0x0", said.replace(f"{folder}/", ""))
    return said.replace(site or "{site}", "http://site")


def fresh(good: Path, folder: Path) -> Path:
    """A new working directory with the good files.

    Args:
        good: the good files.
        folder: folder to make.
    """
    shutil.copytree(good, folder / "good")
    return folder
