"""What a file between stages must look like, and the one sentence that refuses it otherwise.

Files are exchanged, edited and copied between versions. Every reader states its arrays or columns
as a table of specifications; nothing after it meets another shape, text, or a stray NaN.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from unigs.stage.errors import UserError
from unigs.stage.files import atomic, load_npz

KINDS = {"number": "fiu", "whole": "iu", "flag": "b", "text": "U"}
"""NumPy's codes of the types that an array of each kind may have."""
WORDS = {"number": "numbers", "whole": "whole numbers", "flag": "true or false", "text": "text"}


@dataclass(frozen=True)
class Array:
    """Specification of one array of an .npz file, or of one column of a table."""

    shape: tuple[int | str, ...] = ()
    """Sizes; a letter stands for any size from 1 on, the same everywhere in the file."""
    kind: Literal["number", "whole", "flag", "text"] = "number"
    """What it holds."""
    gaps: bool = False
    """Whether NaN is allowed: frames of which something is not known."""
    positive: bool = False
    """Whether all values must be larger than 0."""
    optional: bool = False
    """Whether a table may lack the column."""


def read_arrays(path: Path, specs: Mapping[str, Array], stage: str) -> dict[str, np.ndarray]:
    """Read an .npz file whose arrays are as specified; others in it are left out.

    Args:
        path: the file.
        specs: specification of every array, by name.
        stage: stage that writes the file, for the message.

    Raises:
        UserError: it is missing or damaged, or an array is not as specified.
    """
    data = load_npz(path, *specs)
    sizes: dict[str, tuple[int, str]] = {}
    for name, spec in specs.items():
        wrong = _wrong_shape(data[name], name, spec, sizes) or _wrong_values(data[name], spec)
        if wrong:
            raise UserError(f"{path}: {name} {wrong}; run {stage} anew.")
    return {name: data[name] for name in specs}


def _wrong_shape(
    values: np.ndarray, name: str, spec: Array, sizes: dict[str, tuple[int, str]]
) -> str | None:
    """What is wrong with an array's shape; `sizes` learns the sizes that letters stand for."""
    fits = values.ndim == len(spec.shape)
    for size, wanted in zip(values.shape, spec.shape, strict=False):
        if isinstance(wanted, int):
            fits &= size == wanted
        elif fits:
            fits &= size >= 1 and size == sizes.setdefault(wanted, (size, name))[0]
    if fits:
        return None
    known = [w for w in spec.shape if isinstance(w, str) and sizes.get(w, ("", name))[1] != name]
    where = ", ".join(f"{w} = {sizes[w][0]} as in {sizes[w][1]}" for w in dict.fromkeys(known))
    wanted = _product(spec.shape) + (f" with {where}" if where else "")
    return f"is {_product(values.shape)}, expected {wanted}"


def _product(shape: tuple[int | str, ...]) -> str:
    return "x".join(map(str, shape)) if shape else "a single value"


def _wrong_values(values: np.ndarray, spec: Array) -> str | None:
    """What is wrong with the values of an array or column."""
    if values.dtype.kind not in KINDS[spec.kind]:
        return f"holds {values.dtype} instead of {WORDS[spec.kind]}"
    if spec.kind in ("flag", "text"):
        return None
    bad = np.isinf(values) if spec.gaps else ~np.isfinite(values)
    if bad.any():
        return f"holds a value that is not finite{_row(bad)}"
    if spec.positive and (values <= 0).any():
        return f"must be larger than 0 and is {values.min():g}{_row(values <= 0)}"
    return None


def _row(bad: np.ndarray) -> str:
    return f" in row {int(np.nonzero(bad)[0][0])}" if bad.ndim else ""


def read_columns(path: Path, specs: Mapping[str, Array], stage: str) -> dict[str, np.ndarray]:
    """Read a table (.csv) whose columns are as specified; others in it are left out.

    Spaces around names and cells do not count.

    Args:
        path: the file.
        specs: specification of every column, by name; shapes do not matter.
        stage: what makes the file, for the message ("screen_clip").

    Raises:
        UserError: it is missing, no table, or a column is not as specified.
    """
    header, rows = _read_table(path, stage)
    there = {name: spec for name, spec in specs.items() if name in header}
    missing = [name for name, spec in specs.items() if name not in there and not spec.optional]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}: run {stage} anew.")
    columns = {}
    for name, spec in there.items():
        place = header.index(name)
        columns[name], wrong = _column([row[place] for row in rows], spec)
        if wrong:
            raise UserError(f"{path}: column {name} {wrong}; run {stage} anew.")
    return columns


def _read_table(path: Path, stage: str) -> tuple[list[str], list[list[str]]]:
    """Names of a table's columns, and its rows of as many cells.

    Raises:
        UserError: it is missing, or no table.
    """
    try:
        # Not pandas: loading it takes longer than most stages take to read their tables.
        with open(path, newline="", encoding="utf-8") as file:
            lines = csv.reader(file, skipinitialspace=True, strict=True)
            rows = [[cell.strip() for cell in line] for line in lines if line]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run {stage} first.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, not a table: give the .csv file.") from None
    except (OSError, ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not a table ({reason}): run {stage} anew.") from None
    if not rows:
        raise UserError(f"{path} is not a table (No columns in it): run {stage} anew.")
    header, *rows = rows
    for number, row in enumerate(rows):
        if len(row) > len(header):
            raise UserError(
                f"{path} is not a table (row {number} has {len(row)} cells for {len(header)} "
                f"columns): run {stage} anew."
            )
        row += [""] * (len(header) - len(row))
    return header, rows


def _column(cells: list[str], spec: Array) -> tuple[np.ndarray, str | None]:
    """The values of a column, and what is wrong with them; an empty cell is a gap of numbers."""
    if spec.kind == "text":
        return np.array(cells, object), None
    try:
        values = np.array([int(cell) for cell in cells], np.int64)
    except (ValueError, OverflowError):
        values = np.full(len(cells), np.nan)
        gaps = ("", "NA") if spec.kind == "number" else ()
        for row, cell in enumerate(cells):
            try:
                values[row] = np.nan if cell in gaps else float(cell)
            except ValueError:
                return values, f"holds '{cell}' instead of a number in row {row}"
    return values, _wrong_values(values, spec)


def write_columns(path: Path, columns: Mapping[str, Iterable[object]]) -> None:
    """Write a table (.csv), as a whole or not at all.

    Args:
        path: the file.
        columns: cells of every column by name, all of one length.
    """
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
