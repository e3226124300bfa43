"""What a configuration names must be there: variants, tables, files of models."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from unigs.pretrained.catalogue import FOLDER, check_accepted, model_path, models
from unigs.stage.errors import UserError

ALL = "all"
"""What `run_tables` says for every table."""
VOICES = "voices"
"""Name of the table of voices, which the section `voices` describes."""


def check_names(config: Mapping[str, Any]) -> None:
    """Stop if a table, a talking video or `run_tables` names what the configuration lacks.

    Args:
        config: a configuration that fits its schema.

    Raises:
        UserError: one line for each name that is missing.
    """
    variants, tables = config["variants"], config["tables"]
    lines = list(_unknown("videos.variants", config["videos"]["variants"], "variant", variants))
    for name, table in tables.items():
        known = [*variants, *config.get("renders", {})]
        lines += _unknown(f"tables.{name}.variants", table["variants"], "variant", known)
    for name in config.get("renders", {}):
        if name in variants:
            lines.append(f"configuration: renders.{name}: a variant has this name: take another.")
    if name := config.get("voices", {}).get("variant"):
        lines += _unknown("voices.variant", [name], "variant", variants)
    lines += _unknown("run_tables", run_tables(config), "table", [*tables, VOICES])
    if lines:
        raise UserError("\n".join(lines))


def run_tables(config: Mapping[str, Any]) -> list[str]:
    """Names of the tables that a configuration asks for, in the order of the page."""
    chosen = config.get("run_tables", ALL)
    if chosen == ALL:
        return [*config["tables"], *([VOICES] if "voices" in config else [])]
    return [chosen] if isinstance(chosen, str) else chosen


def check_model_files(named: Mapping[str, str], accepted: Iterable[str]) -> None:
    """Stop if a setting names a file that is not there, and that no rule can fetch.

    Args:
        named: setting, as in `speech.model` -> path of a file or folder; empty: none is wanted.
        accepted: names of pretrained weights whose terms are accepted.

    Raises:
        UserError: one line for each file that is missing.
    """
    lines = [
        f"configuration: {setting}: {fault}"
        for setting, path in named.items()
        if path and not Path(path).exists() and (fault := _why_missing(path, accepted))
    ]
    if lines:
        raise UserError("\n".join(lines))


def _why_missing(path: str, accepted: Iterable[str]) -> str | None:
    """What to do about a file that is not there; None where a rule can fetch it.

    Args:
        path: where it should be.
        accepted: names of pretrained weights whose terms are accepted.
    """
    for entry in models().values():
        if entry.sources and path == f"{FOLDER}/{entry.name}.safetensors":
            try:
                return check_accepted(entry, accepted)
            except UserError as error:
                return str(error)
        if entry.sources and path == str(model_path(entry.name)):
            return f"there is no file {path}: unigs models fetch {entry.name} gets it."
    return f"there is no file {path}: put it there, or correct the path."


def files_of(path: str) -> list[str]:
    """The files that a path stands for: itself, or all files of the folder."""
    folder = Path(path)
    if not folder.is_dir():
        return [path]
    return sorted(str(file) for file in folder.rglob("*") if file.is_file())


def _unknown(where: str, names: Iterable[str], kind: str, known: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield f"configuration: {where}: there is no {kind} {name}, only {', '.join(known)}."
