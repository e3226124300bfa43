"""Variants of the portraits: sparse overrides of settings, each perhaps on top of another."""

from collections.abc import Mapping, Sequence
from typing import Any

from unigs.stage.errors import UserError


def bases(variants: Mapping[str, Mapping], variant: str) -> list[str]:
    """A variant, its base, the base of that, and so on.

    Args:
        variants: variant -> its overrides, and perhaps its `base`.
        variant: where the chain starts.

    Raises:
        UserError: a base is missing, or the chain comes back to a variant.
    """
    chain = [variant]
    while base := variants[chain[-1]].get("base"):
        if base not in variants or base in chain:
            raise UserError(f"variant {chain[-1]}: its base {base} is missing or goes in a ring.")
        chain.append(base)
    return chain


def settings(config: Mapping[str, Any], section: str, chain: Sequence[str] = ()) -> dict[str, Any]:
    """A section of the configuration under the overrides of a variant and its bases.

    Args:
        config: the configuration.
        section: name of a section.
        chain: the variant and its bases, nearest first (`bases`); empty for the section itself.
    """
    merged = dict(config.get(section, {}))
    for name in reversed(chain):
        merged |= config["variants"][name].get(section, {})
    return merged


def with_seeds(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which further seeds of variants (`seeds`) are variants, in their tables.

    Args:
        config: a configuration that fits its schema.

    Raises:
        UserError: a variant has the name of a seeded one.
    """
    named, runs = {}, {}
    for name, variant in config["variants"].items():
        named[name] = variant
        runs[name] = [name]
        for seed in variant.get("seeds", []):
            seeded = f"{name}_seed{seed}"
            if seeded in config["variants"]:
                raise UserError(
                    f"variant {seeded}: {name} with seed {seed} has this name: take another."
                )
            named[seeded] = {"base": name, "static": {"seed": seed}, "dynamic": {"seed": seed}}
            runs[name].append(seeded)
    tables = {
        name: table | {"variants": [r for v in table["variants"] for r in runs.get(v, [v])]}
        for name, table in config["tables"].items()
    }
    return {**config, "variants": named, "tables": tables}


def static_owner(variants: Mapping[str, Mapping], chain: Sequence[str]) -> str:
    """The variant whose static portrait is used: the nearest of a chain with static settings.

    Args:
        variants: variant -> its overrides.
        chain: the variant and its bases, nearest first (`bases`).
    """
    return next((name for name in chain if "static" in variants[name]), chain[-1])


def dynamic_owner(variants: Mapping[str, Mapping], chain: Sequence[str]) -> str:
    """The variant whose finished portrait is used: the nearest of a chain that trains anything.

    Args:
        variants: variant -> its overrides.
        chain: the variant and its bases, nearest first (`bases`).
    """
    trains = (name for name in chain if {"static", "dynamic"} & set(variants[name]))
    return next(trains, chain[-1])
