"""The command `unigs`, also `python -m unigs`."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from unigs.stage import interrupts
from unigs.stage.errors import UserError

COMMANDS = {"models": ("unigs.pretrained.command", "list, fetch and add pretrained weights")}
"""Command -> module whose function `configure` describes its command line, and what it is for."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 on success, 2 when the input is at fault.

    Args:
        argv: words of the command line; None: those of this process.
    """
    parser = argparse.ArgumentParser(prog="unigs", description="UniGS: talking portraits.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
        importlib.import_module(module).configure(command)
    words = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    try:
        with interrupts.raised():
            words.run(words)
            sys.stdout.flush()
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # The reader has seen enough, as `head` does; Python would complain once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except interrupts.Interrupted as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.code)


if __name__ == "__main__":
    main()
