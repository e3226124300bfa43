"""Ranges of a clip as people write them."""

import numpy as np
import pytest

from unigs.prepare.clip.ranges import in_ranges, parse_ranges
from unigs.stage.errors import UserError


def test_ranges():
    ranges = parse_ranges(" 12.0-14.5, 30-31 ", "remove")
    assert ranges == [(12.0, 14.5), (30.0, 31.0)]
    marked = in_ranges(np.arange(1000) / 25, ranges)
    expected = [*range(300, 363), *range(750, 776)]
    np.testing.assert_array_equal(np.flatnonzero(marked), expected)
    assert parse_ranges("", "remove") == []


@pytest.mark.parametrize("wrong", ["12", "14-12", "a-b", "-3-4", "1:2"])
def test_what_is_no_range_is_refused_with_its_column(wrong):
    with pytest.raises(UserError, match=f"^'{wrong}' in test is not a range like"):
        parse_ranges(f"1-2,{wrong}", "test")
