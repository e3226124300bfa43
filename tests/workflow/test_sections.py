"""Equal settings reach a stage as equal flags, however they are written down."""

import dataclasses
from dataclasses import dataclass

import yaml
from hypothesis import given
from hypothesis import strategies as st

from unigs.workflow.flags import as_flags
from unigs.workflow.sections import SECTIONS, complete


@dataclass(frozen=True)
class Settings:
    size: int = 480
    fps: float = 25.0
    rate: float | None = None
    model: str | None = None
    loud: bool = True


def flags(text: str) -> str:
    return as_flags(complete(yaml.safe_load(text), Settings))


def test_order_defaults_and_kinds_of_numbers_do_not_count():
    assert flags("{}") == "--size 480 --fps 25.0 --loud True"
    for text in ("{fps: 25}", "{loud: true, size: 480}", "{size: 480.0}", "{model: null}"):
        assert flags(text) == flags("{}"), text
    assert (
        flags("{rate: 1}") == flags("{rate: 1.0}") == "--size 480 --fps 25.0 --rate 1.0 --loud True"
    )


def test_what_differs_in_meaning_differs_in_flags():
    texts = ["{}", "{size: 25}", "{fps: 480}", "{loud: false}", "{model: a}", "{model: b}"]
    assert len({flags(text) for text in texts}) == len(texts)


def test_settings_of_others_are_left_out():
    assert flags("{size: 1, speed: 2}") == flags("{size: 1}")


@given(st.sampled_from(sorted(SECTIONS)), st.randoms())
def test_any_part_of_the_defaults_in_any_order_is_nothing_new(section, random):
    cls = SECTIONS[section]
    defaults = list(dataclasses.asdict(cls()).items())
    some = random.sample(defaults, random.randint(0, len(defaults)))
    assert list(complete(dict(some), cls).items()) == list(complete({}, cls).items())
