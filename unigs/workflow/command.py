"""The commands `unigs demo`, `unigs portrait` and `unigs run`: Snakemake on the package's workflow.

Results lie in the folder that a command is typed in, whether the workflow lies in a checkout or in
an installed package.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from unigs.stage import interrupts
from unigs.stage.errors import UserError
from unigs.workflow import launcher
from unigs.workflow.equipment import ensure_equipment
from unigs.workflow.home import SNAKEFILE, home

PRESETS = "config/presets"
"""Folder of the presets, as seen from the workflow's home."""
PAGE = Path("results/index.html")
"""What all results are looked at by."""
LIMITED = re.compile(
    r"-[cj]\d*|--(cores|jobs)(=.*)?|--(workflow-)?profile(=.*)?|-e|--executor(=.*)?"
)
"""Words after which Snakemake knows how many jobs may run at once."""
NAMED = re.compile(r"-s|--snakefile(=.*)?")
"""Words that name another Snakefile."""
TOLD = {
    "consent": "how the person agreed to a portrait: myself, signed form 12",
    "source": "where the clip is from, in words",
    "license": "terms under which the clip may be used",
}
"""What is told of a clip -> what to write there."""
USAGE = """\
usage: unigs run [TARGETS] [OPTIONS OF SNAKEMAKE]

Runs the workflow in this folder: its results lie in results/, config/config.yaml and --configfile
are laid over the defaults. Paths that begin with config/ or workflow/ and are not here are those of
the package: unigs run tables --configfile config/presets/laptop.yaml. What follows are the options
of Snakemake.
"""


def demo(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs demo`.

    Args:
        parser: parser of what stands behind `unigs demo`.
    """
    _add_cores(parser)
    parser.set_defaults(run=lambda words: make(["--configfile", preset_file("demo")], words.cores))


def portrait(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs portrait`.

    Args:
        parser: parser of what stands behind `unigs portrait`.
    """
    parser.add_argument("clip", metavar="CLIP", help="video of one person who faces the camera")
    parser.add_argument("--name", default="", help="name of the portrait (default: the clip's)")
    parser.add_argument(
        "--preset", default="preview", help="preview, laptop or paper, or a file (default: preview)"
    )
    parser.add_argument("--audio", default="", help="sound file that it speaks, too")
    for column, about in TOLD.items():
        parser.add_argument(f"--{column}", default="", help=about)
    parser.add_argument("--replace", default="", help="portrait of another clip to be replaced")
    _add_cores(parser)
    parser.set_defaults(run=_portrait)


def run(words: Sequence[str]) -> None:
    """Become Snakemake.

    Args:
        words: arguments of Snakemake.
    """
    if any(word in ("-h", "--help") for word in words):
        print(USAGE, flush=True)
    os.execv(sys.executable, snakemake(words))


def snakemake(words: Sequence[str]) -> list[str]:
    """The command of Snakemake on this package's workflow, on all cores unless it is told.

    Args:
        words: arguments as typed. Where a path that begins with `config/` or `workflow/` leads
            nowhere from the working directory, the package's file of that name is meant.
    """
    own = home()
    told = [
        str(own / word)
        if word.startswith(("config/", "workflow/"))
        and not os.path.exists(word)
        and (own / word).exists()
        else word
        for word in words
    ]
    cores = [] if any(map(LIMITED.fullmatch, words)) else ["--cores", "all"]
    file = [] if any(map(NAMED.fullmatch, words)) else ["--snakefile", str(own / SNAKEFILE)]
    return launcher.command([*file, *cores, *told])


def preset_file(name: str) -> str:
    """Path of a preset.

    Args:
        name: of a preset of the package, or path of another one.

    Raises:
        UserError: there is neither.
    """
    path = home() / PRESETS / f"{name}.yaml"
    if path.is_file():
        return str(path)
    if Path(name).is_file():
        return name
    known = sorted(file.stem for file in (home() / PRESETS).glob("*.yaml"))
    raise UserError(f"there is no preset {name}, only {', '.join(known)}, and no such file.")


def make(words: Sequence[str], cores: str) -> None:
    """Make what a configuration asks for, and say where to look at it.

    Args:
        words: arguments of Snakemake.
        cores: number of processor cores, or all.

    Raises:
        UserError: what the making needs is missing and cannot be had.
        SystemExit: Snakemake failed; with its exit code.
    """
    ensure_equipment()
    command = snakemake(["--cores", cores, *words])
    with subprocess.Popen(command) as process:
        try:
            code = process.wait()
        except interrupts.Interrupted as stop:
            # Ctrl-C reaches Snakemake as well, SIGTERM this process alone.
            if stop.number == signal.SIGTERM:
                process.terminate()
            process.wait()
            raise
    if code:
        sys.exit(code)
    print(f"\nThe portrait: {PAGE.absolute().as_uri()}")


def _portrait(words: argparse.Namespace) -> None:
    """Make a portrait of one clip.

    Raises:
        UserError: a file or the preset is not there.
    """
    for path in filter(None, (words.clip, words.audio)):
        if not os.path.isfile(path):
            raise UserError(f"there is no file {path}.")
    values = {
        "clip": os.path.realpath(words.clip),
        "name": words.name,
        "replace": words.replace,
        "audio": os.path.realpath(words.audio) if words.audio else "",
        **{column: getattr(words, column) for column in TOLD},
    }
    config = [_own(key, value) for key, value in values.items()]
    make(["--configfile", preset_file(words.preset), "--config", *config], words.cores)


def _own(key: str, value: str) -> str:
    """A word of `--config` whose value stays the string that it is.

    Snakemake strips quotes from the ends and reads the rest as YAML: JSON between spaces survives.
    """
    return f"{key}= {json.dumps(value)} "


def _add_cores(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cores", default="all", help="processor cores (default: all)")
