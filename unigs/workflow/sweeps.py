"""Sweeps: tables whose variants differ in the value of one setting (`over`), shown as a curve."""

from collections.abc import Callable, Sequence
from typing import Any

from unigs.stage.errors import UserError
from unigs.workflow.sections import PER_VARIANT


def swept(
    over: str, variants: Sequence[str], settings: Callable[[str, str], dict[str, Any]]
) -> dict[str, float]:
    """Variant -> its value of the setting that a table goes over.

    Args:
        over: the setting, as section.name.
        variants: variants of the table.
        settings: gives the settings of a section and a variant.

    Raises:
        UserError: the setting is none that variants may differ in, is no number, or the same for
            all.
    """
    section, _, name = over.partition(".")
    if section not in PER_VARIANT:
        raise UserError(f"variants differ in settings of {', '.join(PER_VARIANT)} alone.")
    found = {variant: settings(section, variant).get(name) for variant in variants}
    for variant, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{over} is no number that the variant {variant} has.")
    if len(set(found.values())) < 2:
        raise UserError(f"all variants of the table have the same {over}.")
    return found
