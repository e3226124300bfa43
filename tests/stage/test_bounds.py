"""One notation for what values are allowed, and one sentence for one that is not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import jsonschema
import pytest

from unigs.stage.bounds import Bounds, Pattern, Seed, fault, limits


@dataclass(frozen=True)
class Inner:
    width: Annotated[int, Bounds(8, 64, multiple_of=8)]
    names: Annotated[list[str], Bounds(1, 2)]


@dataclass(frozen=True)
class Outer:
    share: Annotated[float, Bounds(0, below=1)]
    inner: Inner | None
    kind: Literal["a", 1] = "a"
    word: Annotated[str, Pattern("[a-z]+", "small letters")] = "a"
    path: Path | None = None


GOOD = {"share": 0, "inner": {"width": 16, "names": ["x"]}, "kind": 1, "word": "ab"}


def test_good_values_have_no_fault():
    assert fault(Outer, GOOD, "") is None
    assert fault(Outer, Outer(0.5, None, path=Path("a")), "") is None


@pytest.mark.parametrize(
    "change, said",
    [
        ({"share": 1}, "share is 1, but must be at least 0 and below 1"),
        ({"share": float("nan")}, "share is nan, but must be a finite number"),
        ({"share": float("inf")}, "share is inf, but must be a finite number"),
        ({"share": True}, "share is True, but must be a finite number"),
        ({"share": None}, "share is None, but must be a finite number"),
        ({"inner": []}, "inner is [], but must be an object"),
        ({"inner": {"width": 16}}, "inner.names is missing"),
        ({"inner": {"width": 12, "names": ["x"]}},
         "inner.width is 12, but must be from 8 to 64 and a multiple of 8"),
        ({"inner": {"width": 16.0, "names": ["x"]}},
         "inner.width is 16.0, but must be a whole number"),
        ({"inner": {"width": 16, "names": []}},
         "the length of inner.names is 0, but must be from 1 to 2"),
        ({"inner": {"width": 16, "names": ["x", 2]}}, "inner.names[1] is 2, but must be a text"),
        ({"kind": "b"}, "kind is b, but must be one of a, 1"),
        ({"kind": True}, "kind is True, but must be one of a, 1"),
        ({"word": "aB"}, "word is aB, but must be small letters"),
        ({"word": ""}, "word is '', but must be small letters"),
        ({"path": "a"}, "path is a, but must be a path"),
        ({"more": 1}, "more is unknown"),
    ],
)  # fmt: skip
def test_the_first_fault_is_a_clause(change, said):
    assert fault(Outer, GOOD | change, "") == said


@pytest.mark.parametrize(
    "bounds, text, mark",
    [
        (Bounds(1), "at least 1", "N>=1"),
        (Bounds(0, 1), "from 0 to 1", "0<=N<=1"),
        (Bounds(above=0), "above 0", "0<N"),
        (Bounds(above=0, maximum=0.5), "above 0 and at most 0.5", "0<N<=0.5"),
        (Bounds(0, below=1), "at least 0 and below 1", "0<=N<1"),
        (Bounds(2, 32, off=0), "0, or from 2 to 32", "0|2<=N<=32"),
        (Bounds(64, 128, multiple_of=2), "from 64 to 128 and even", "64<=N<=128,even"),
    ],
)
def test_bounds_are_the_same_in_words_in_help_and_in_the_schema(bounds, text, mark):
    assert bounds.text() == text and bounds.mark("N") == mark
    schema = jsonschema.Draft202012Validator(bounds.schema())
    for value in (-1, 0, 0.25, 0.5, 0.75, 1, 2, 31, 32, 33, 63, 64, 65, 128, 130):
        assert bounds.admits(value) == schema.is_valid(value), value


def test_limits_are_found_inside_an_optional_type():
    assert limits(Seed | None) == limits(Seed) and limits(int) == ()
