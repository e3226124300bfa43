"""Paths that people give, as rules can take them."""

import os
from collections.abc import Callable

from unigs.stage.errors import UserError

Place = Callable[[str], str]
"""Where a path of what the workflow makes lies: elsewhere, if a Snakefile uses the workflow as a
module with a prefix."""


def refuse_braces(path: str, what: str) -> None:
    """Stop if a path cannot be an input of a rule, since Snakemake fills in what braces name.

    Args:
        path: path of an input.
        what: whose path it is; the message begins with it.

    Raises:
        UserError: the path holds braces.
    """
    if "{" in path:
        raise UserError(
            f"{what}: {path} holds braces, in which Snakemake looks for the name of a wildcard: "
            "rename it."
        )


def never_a_flag(path: str) -> str:
    """A path as a command line takes it: one that begins with a dash is made absolute."""
    return os.path.abspath(path) if path.startswith("-") else path
