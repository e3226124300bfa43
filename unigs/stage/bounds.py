"""Which values are allowed: one notation, and one check, for settings and for headers of files.

A dataclass says it in its annotations: `iterations: Annotated[int, Bounds(minimum=1)]`. From there
it reaches the command line, the schema of the configuration and the tables of the documentation.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import reprlib
import sys
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    Path: "a path",
    list: "a list",
    dict: "an object",
}
"""Plain types that a value may have, in words."""


@dataclass(frozen=True)
class Bounds:
    """Range of a number, or of the length of a list."""

    minimum: float | None = None
    """Least value."""
    maximum: float | None = None
    """Largest value."""
    above: float | None = None
    """Limit that every value exceeds."""
    below: float | None = None
    """Limit that no value reaches."""
    multiple_of: int | None = None
    """Number that every value is a multiple of."""
    off: float | None = None
    """Value outside of the range that is allowed as well: it switches something off."""

    def admits(self, value: Any) -> bool:
        """Whether a number, or the length of a list, is allowed."""
        number = len(value) if isinstance(value, list) else value
        return number == self.off or (
            (self.minimum is None or number >= self.minimum)
            and (self.maximum is None or number <= self.maximum)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
            and (self.multiple_of is None or number % self.multiple_of == 0)
        )

    def text(self) -> str:
        """The range in words."""
        limits = {
            "at least": self.minimum,
            "above": self.above,
            "at most": self.maximum,
            "below": self.below,
        }
        if self.minimum is not None and self.maximum is not None:
            words = f"from {_digits(self.minimum)} to {_digits(self.maximum)}"
        else:
            parts = [f"{word} {_digits(x)}" for word, x in limits.items() if x is not None]
            words = " and ".join(parts)
        if self.multiple_of is not None:
            step = "even" if self.multiple_of == 2 else f"a multiple of {self.multiple_of}"
            words = f"{words} and {step}"
        return words if self.off is None else f"{_digits(self.off)}, or {words}"

    def mark(self, name: str) -> str:
        """The range around the name of a value, without spaces ("0<=FLOAT<1"), for --help."""
        low = [(self.minimum, "<="), (self.above, "<")]
        high = [(self.maximum, "<="), (self.below, "<")]
        before = [f"{_digits(x)}{sign}" for x, sign in low if x is not None]
        after = [f"{sign}{_digits(x)}" for x, sign in high if x is not None]
        if not after and self.minimum is not None:
            before, after = [], [f">={_digits(self.minimum)}"]
        off = "" if self.off is None else f"{_digits(self.off)}|"
        step = {None: "", 2: ",even"}.get(self.multiple_of, f",multiple-of-{self.multiple_of}")
        return "".join([off, *before, name, *after, step])

    def schema(self) -> dict[str, Any]:
        """The range in the keywords of JSON Schema."""
        keywords = {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "exclusiveMinimum": self.above,
            "exclusiveMaximum": self.below,
            "multipleOf": self.multiple_of,
        }
        keywords = {name: value for name, value in keywords.items() if value is not None}
        return keywords if self.off is None else {"anyOf": [{"const": self.off}, keywords]}


@dataclass(frozen=True)
class Pattern:
    """Form of a text."""

    regex: str
    """Regular expression that the whole text fits."""
    words: str
    """The form in words."""

    def admits(self, value: str) -> bool:
        """Whether a text has the form."""
        return re.fullmatch(self.regex, value) is not None

    def text(self) -> str:
        """The form in words."""
        return self.words

    def schema(self) -> dict[str, Any]:
        """The form in the keywords of JSON Schema."""
        return {"pattern": f"^({self.regex})$"}


def limits(kind: object) -> tuple[Bounds | Pattern, ...]:
    """Bounds and patterns of an annotation, those inside `... | None` included."""
    if typing.get_origin(kind) is Annotated:
        return tuple(x for x in kind.__metadata__ if isinstance(x, Bounds | Pattern))
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return tuple(x for part in typing.get_args(kind) for x in limits(part))
    return ()


Share = Annotated[float, Bounds(0, 1)]
"""A share, a probability or a score."""
NotNegative = Annotated[float, Bounds(minimum=0)]
"""A weight or a size that may be 0."""
Positive = Annotated[float, Bounds(above=0)]
"""A size that is not 0."""
Seed = Annotated[int, Bounds(0, 2**32 - 1)]
"""Seed of random numbers, as NumPy takes it."""


@functools.cache
def hints(kind: type) -> dict[str, Any]:
    """Field of a dataclass -> its annotation, with bounds and patterns."""
    return typing.get_type_hints(kind, include_extras=True)


def fault(kind: Any, value: object, name: str) -> str | None:
    """What is wrong with a value, as a clause ("iterations is -5, but must be at least 1").

    Args:
        kind: what the value must be: a type of `KINDS`, a Literal, a dataclass (of which the value
            is an instance, or an object of JSON with its fields), `list[kind]`, `dict[str, kind]`,
            `kind | None`, or one of these with bounds or a pattern.
        value: the value.
        name: name of the value.

    Returns:
        The first fault; None if there is none.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        broken = (limit for limit in limits(kind) if not limit.admits(value))
        return fault(arguments[0], value, name) or _but(name, value, broken)
    if origin in (types.UnionType, typing.Union):
        faults = [fault(part, value, name) for part in arguments if part is not type(None)]
        return None if value is None or None in faults else faults[0]
    if origin is Literal:
        known = any(value == x and type(value) is type(x) for x in arguments)
        words = "one of " + ", ".join(map(str, arguments))
        return None if known else f"{name} is {_short(value)}, but must be {words}"
    if dataclasses.is_dataclass(kind):
        return _object_fault(kind, value, name)
    wrong = _type_fault(origin or kind, value, name)
    if wrong or not arguments:
        return wrong
    parts = value.items() if origin is dict else enumerate(value)
    return _first(fault(arguments[-1], part, f"{name}[{k}]") for k, part in parts)


def _type_fault(kind: type, value: object, name: str) -> str | None:
    if kind is float:  # neither NaN nor infinite; JSON and YAML write whole numbers without a point
        largest = sys.float_info.max
        good = type(value) in (int, float) and -largest <= value <= largest
    elif kind is Path:
        good = isinstance(value, Path)
    else:
        good = type(value) is kind
    return None if good else f"{name} is {_short(value)}, but must be {KINDS[kind]}"


def _object_fault(kind: type, value: object, name: str) -> str | None:
    """The first fault of a dataclass or of an object with its fields: none missing, none else."""
    if not isinstance(value, dict | kind):
        return f"{name} is {_short(value)}, but must be {KINDS[dict]}"
    values = value if isinstance(value, dict) else vars(value)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    prefix = f"{name}." if name else ""
    if unknown := [key for key in values if key not in fields]:
        return f"{prefix}{_short(unknown[0])} is unknown"
    for key, field in fields.items():
        optional = (field.default, field.default_factory) != (dataclasses.MISSING,) * 2
        if key not in values and not optional:
            return f"{prefix}{key} is missing"
    return _first(fault(hints(kind)[key], part, prefix + key) for key, part in values.items())


def _but(name: str, value: object, broken: typing.Iterable[Bounds | Pattern]) -> str | None:
    subject = f"the length of {name} is {len(value)}" if isinstance(value, list) else None
    subject = subject or f"{name} is {_short(value)}"
    return _first(f"{subject}, but must be {limit.text()}" for limit in broken)


def _digits(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _first(faults: typing.Iterable[str | None]) -> str | None:
    return next((found for found in faults if found), None)


def _short(value: object) -> str:
    """A value in a sentence, cut where it is long."""
    return value[:40] if isinstance(value, str) and value.strip() else reprlib.repr(value)
