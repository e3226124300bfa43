"""docs/doctor.md gives every limit with its value and a reason, and no other."""

import re
from pathlib import Path

import pytest

from unigs.doctor import advice, clip, fit

TEXT = (Path(__file__).parents[2] / "docs/doctor.md").read_text()
ROWS = re.findall(r"^\| `(\w+)\.(\w+)` \| ([\d.]+)[^|]* \| ([^|]+) \|$", TEXT, re.M)
MODULES = {"advice": advice, "clip": clip, "fit": fit}


@pytest.mark.parametrize("module, name, value, reason", ROWS)
def test_limits_are_those_of_the_code(module, name, value, reason):
    assert float(value) == getattr(MODULES[module], name) and len(reason.split()) > 4


def test_no_limit_is_left_out():
    limits = {
        (place, name)
        for place, module in MODULES.items()
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int | float) and not isinstance(value, bool)
    }
    assert limits == {(module, name) for module, name, *_ in ROWS}
