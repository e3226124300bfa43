"""Flags reach a shell as the words that they were."""

import shlex

from hypothesis import given
from hypothesis import strategies as st

from unigs.workflow.flags import as_flags, input_flags

NAMES = st.from_regex("[a-z][a-z_]*", fullmatch=True)


@given(st.dictionaries(NAMES, st.text() | st.integers() | st.floats() | st.booleans()))
def test_a_shell_reads_names_and_values_in_order(values):
    words = shlex.split(as_flags(values))
    assert words[0::2] == [f"--{name.replace('_', '-')}" for name in values]
    assert words[1::2] == [str(value) for value in values.values()]


def test_no_values_are_no_flags():
    assert as_flags({}) == "" == input_flags({})


def test_input_flags_hold_the_placeholder_of_each_input():
    text = input_flags({"frames": "a", "static_run": "b"})
    assert text == " --frames {input.frames:q} --static-run {input.static_run:q}"
