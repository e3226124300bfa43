"""Made parts of documents are replaced, and nothing beside them."""

import pytest

from tools.markers import fill

DOCUMENT = "a <!-- x: begin --> old <!-- x: end --> z <!-- y: begin --> kept <!-- y: end -->"


def test_fill_replaces_only_what_stands_between():
    new = "a <!-- x: begin -->\nnew\n<!-- x: end --> z <!-- y: begin --> kept <!-- y: end -->"
    assert fill(DOCUMENT, "x", "new") == new
    assert fill(new, "x", "new") == new


@pytest.mark.parametrize("text", ["", "<!-- z: begin -->", "<!-- z: end --> <!-- z: begin -->"])
def test_a_part_that_is_missing_is_named(text):
    with pytest.raises(ValueError, match="no part z"):
        fill(text, "z", "new")
