"""Command line flags of the stages, as text for the shell commands of their rules."""

import shlex
from collections.abc import Iterable, Mapping


def as_flags(values: Mapping[str, object]) -> str:
    """Settings as one string of flags, quoted for a shell: names and values stay together."""
    parts = [(_flag(name), str(value)) for name, value in values.items()]
    return shlex.join(word for pair in parts for word in pair)


def input_flags(names: Iterable[str]) -> str:
    """Flags of a rule's named inputs, each with Snakemake's placeholder of the input of that name.

    The text starts with a space, like the lines of the rules' commands.
    """
    return "".join(f" {_flag(name)} {{input.{name}:q}}" for name in names)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
