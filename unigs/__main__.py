"""The command `unigs`, also `python -m unigs`."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from unigs.stage import interrupts
from unigs.stage.errors import UserError


class Command(NamedTuple):
    """A word behind `unigs`."""

    place: str
    """`module:function`. The function describes the command line to a parser whose default `run`
    takes the parsed words; of a command that passes its words on it takes these."""
    purpose: str
    """What it is for, the end of a sentence."""
    passes_on: bool = False
    """Whether another program reads the words behind it."""

    def function(self) -> Callable[..., None]:
        """The function, imported when somebody types the command and not before."""
        module, _, name = self.place.partition(":")
        return getattr(importlib.import_module(module), name)


COMMANDS = {
    "demo": Command("unigs.workflow.command:demo", "go the whole way on a synthetic speaker"),
    "check-clip": Command(
        "unigs.clip_check.command:configure", "say what a video is worth as a portrait's clip"
    ),
    "portrait": Command("unigs.workflow.command:portrait", "make a portrait from a clip"),
    "drive": Command("unigs.drive.command:configure", "let a portrait speak a sound file"),
    "live": Command("unigs.live.command:configure", "let a portrait answer live, in a web page"),
    "view": Command("unigs.view.command:configure", "look at a portrait, also while it trains"),
    "verify": Command(
        "unigs.provenance.command:configure", "say what a video says of itself, and if that holds"
    ),
    "run": Command("unigs.workflow.command:run", "run the workflow, as snakemake does", True),
    "stage": Command("unigs.workflow.stages:run", "run a single stage by hand", True),
    "doctor": Command(
        "unigs.doctor.command:configure", "say what is missing or wrong, and what to do"
    ),
    "import": Command(
        "unigs.exchange.import_command:configure", "take in another system's data set"
    ),
    "export": Command(
        "unigs.exchange.export_command:configure",
        "write a portrait as a web page, a subject for other systems",
    ),
    "models": Command(
        "unigs.pretrained.command:configure", "list, fetch, add and convert pretrained weights"
    ),
    "setup": Command("unigs.workflow.equipment:configure", "install what pip alone leaves out"),
}
"""Commands by name, in the order in which people meet them."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 on success, 2 when the input is at fault.

    Args:
        argv: words of the command line; None: those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    first = words[0] if words else ""
    parser = argparse.ArgumentParser(prog="unigs", description="UniGS: talking portraits.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        about = f"{command.purpose.capitalize()}."
        described = commands.add_parser(name, help=command.purpose, description=about)
        if name == first and not command.passes_on:
            command.function()(described)
    passed_on = first in COMMANDS and COMMANDS[first].passes_on
    parsed = None if passed_on else parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    try:
        with interrupts.raised():
            if parsed is None:
                COMMANDS[first].function()(words[1:])
            else:
                parsed.run(parsed)
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
