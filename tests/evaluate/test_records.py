"""Records say why they are empty."""

import math

import pytest

from unigs.evaluate.records import Record


def test_a_record_without_value_must_say_why():
    with pytest.raises(ValueError, match="either a value or a reason"):
        Record("psnr", None)
    with pytest.raises(ValueError, match="not a figure"):
        Record("psnr", math.inf)
