"""The command `snakemake` of the project's environment, which takes targets behind any option.

`snakemake --cores 8 --resources gpu=1 all` is how people order a run, but Snakemake's parser takes
each word behind `--resources` for a resource, and stops before it reads any file. `make setup` puts
this launcher in the place of `.venv/bin/snakemake`. Jobs are started by `python -m snakemake` and
never see it.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from unigs.stage.errors import UserError

PAIRS = {
    "--config",
    "-C",
    "--consider-ancient",
    "--default-res",
    "--default-resources",
    "--group-components",
    "--groups",
    "--res",
    "--resources",
    "--set-resource-scopes",
    "--set-resources",
    "--set-scatter",
    "--set-threads",
}
"""Options of Snakemake that take any number of words NAME=VALUE."""
FILES = {"--configfile", "--configfiles"}
"""Options of Snakemake that take any number of files of a configuration."""
FILE_ENDINGS = (".yaml", ".yml", ".json")
ENCODED = "base64//"
"""Start of words that Snakemake encodes for commands of its own."""
PROGRAM = "import sys; sys.argv[0] = 'snakemake'; from snakemake.cli import main; main()"
"""What an interpreter runs as Snakemake; with -m it would call itself __main__.py."""
SCRIPT = """#!/bin/sh
'''exec' {python} "$0" "$@"
' '''
# Snakemake, but for targets behind --resources: written by `make setup`.
from unigs.workflow.launcher import main

if __name__ == "__main__":
    main()
"""


def targets_first(words: Sequence[str]) -> list[str]:
    """Arguments of Snakemake with the targets that an option would swallow at the front.

    The first word behind an option stays with it in any case. Arguments in which no option takes a
    word that cannot be its own stay as they are.

    Args:
        words: arguments as typed.
    """
    targets, rest = [], []
    option, first = "", False
    for k, word in enumerate(words):
        if word == "--":
            return [*targets, *rest, *words[k:]]
        if word.startswith("-"):
            option, first = word, True
            rest.append(word)
            continue
        swallowed = not first and not _belongs(word, option)
        (targets if swallowed else rest).append(word)
        first = False
    return targets + rest


def _belongs(word: str, option: str) -> bool:
    """Whether a word behind an option can be meant for it."""
    if option in PAIRS:
        return "=" in word or word.startswith(ENCODED)
    if option in FILES:
        return word.endswith(FILE_ENDINGS) or Path(word).is_file()
    return True


def refuse_missing(words: Sequence[str]) -> None:
    """Stop at a file of a configuration that is not there, which Snakemake answers by a traceback.

    Args:
        words: arguments as typed.

    Raises:
        UserError: the file that the first option names is missing.
    """
    for option, word in zip(words, words[1:], strict=False):
        if option in FILES and not word.startswith("-") and not Path(word).is_file():
            raise UserError(f"there is no configuration {word}: correct the path.")


def write_launcher(path: Path, python: str = sys.executable) -> None:
    """Put the launcher in the place of an environment's command `snakemake`.

    Args:
        path: the command.
        python: interpreter of the environment.
    """
    path.unlink(missing_ok=True)
    path.write_text(SCRIPT.format(python=shlex.quote(python)), encoding="utf-8")
    path.chmod(0o755)


def command(words: Sequence[str]) -> list[str]:
    """The command of Snakemake, in a process that has not loaded this package: rules bring theirs.

    Args:
        words: arguments as typed.

    Raises:
        UserError: a file of the configuration is missing.
    """
    refuse_missing(words)
    return [sys.executable, "-c", PROGRAM, *targets_first(words)]


def main() -> None:
    """Become Snakemake on the arguments of this process."""
    try:
        os.execv(sys.executable, command(sys.argv[1:]))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    write_launcher(Path(sys.argv[1]))
