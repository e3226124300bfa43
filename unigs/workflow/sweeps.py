"""Sweeps: tables whose variants differ in the value of one setting (`over`), shown as a curve."""

from collections.abc import Mapping, Sequence
from typing import Any

from unigs.stage.errors import UserError
from unigs.workflow import variants
from unigs.workflow.sections import PER_VARIANT, SECTIONS, complete


def check_sweeps(config: Mapping[str, Any], chains: Mapping[str, Sequence[str]]) -> None:
    """Stop if a table goes over a setting that is none, or that has no numbers there.

    Args:
        config: a configuration whose names are checked.
        chains: variant -> itself and its bases, nearest first.

    Raises:
        UserError: one line for each such table.
    """
    lines = []
    for table, content in config["tables"].items():
        try:
            if "over" in content:
                swept(config, chains, table)
        except UserError as error:
            lines.append(f"configuration: tables.{table}.over: {error}")
    if lines:
        raise UserError("\n".join(lines))


def swept(
    config: Mapping[str, Any], chains: Mapping[str, Sequence[str]], table: str
) -> dict[str, float]:
    """Variant -> its value of the setting that a table goes over.

    Args:
        config: a configuration whose names are checked.
        chains: variant -> itself and its bases, nearest first.
        table: a table with `over`. Its rows of other systems have no value.

    Raises:
        UserError: the setting is none that variants may differ in, is no number, or the same for
            all.
    """
    content = config["tables"][table]
    section, _, name = content["over"].partition(".")
    named = [variant for variant in content["variants"] if variant in chains]
    if section not in PER_VARIANT:
        raise UserError(f"variants differ in settings of {', '.join(PER_VARIANT)} alone.")
    found = {}
    for variant in named:
        given = variants.settings(config, section, chains[variant])
        value = complete(given, SECTIONS[section]).get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{content['over']} is no number that the variant {variant} has.")
        found[variant] = value
    if len(set(found.values())) < 2:
        raise UserError(f"all variants of the table have the same {content['over']}.")
    return found
