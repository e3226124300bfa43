"""Variants change what their bases say, and share the static portraits of their bases."""

import pytest

from unigs.stage.errors import UserError
from unigs.workflow.variants import bases, dynamic_owner, settings, static_owner

CONFIG = {
    "static": {"points": 10, "anchor": False},
    "dynamic": {"hidden": 64},
    "variants": {
        "plain": {},
        "plus": {"static": {"anchor": True}, "dynamic": {"hidden": 32, "ema": 0.9}},
        "less": {"base": "plus", "dynamic": {"ema": 0.0}},
        "least": {"base": "less", "dynamic": {"hidden": 8}},
        "ring": {"base": "ring_too"},
        "ring_too": {"base": "ring"},
        "self": {"base": "self"},
        "lost": {"base": "none_such"},
        "lost_too": {"base": "lost"},
    },
}
VARIANTS = CONFIG["variants"]


def test_bases_are_in_order():
    assert bases(VARIANTS, "plain") == ["plain"]
    assert bases(VARIANTS, "least") == ["least", "less", "plus"]


@pytest.mark.parametrize(
    "variant, at_fault, base",
    [
        ("ring", "ring_too", "ring"),
        ("self", "self", "self"),
        ("lost", "lost", "none_such"),
        ("lost_too", "lost", "none_such"),
    ],
)
def test_chains_without_an_end_are_refused(variant, at_fault, base):
    with pytest.raises(UserError, match=f"^variant {at_fault}: its base {base} is missing or goes"):
        bases(VARIANTS, variant)


def test_the_nearest_override_wins():
    def of(section, variant):
        return settings(CONFIG, section, bases(VARIANTS, variant))

    assert of("dynamic", "plain") == {"hidden": 64}
    assert of("dynamic", "less") == {"hidden": 32, "ema": 0.0}
    assert of("dynamic", "least") == {"hidden": 8, "ema": 0.0}
    assert of("static", "least") == {"points": 10, "anchor": True}
    assert settings(CONFIG, "static") == {"points": 10, "anchor": False}
    assert settings(CONFIG, "crop") == {}


def test_settings_leave_the_configuration_as_it_is():
    settings(CONFIG, "static", ["plus"])["points"] = 99
    assert CONFIG["static"] == {"points": 10, "anchor": False}


def test_the_nearest_variant_with_static_settings_owns_the_static_portrait():
    owners = {name: static_owner(VARIANTS, bases(VARIANTS, name)) for name in ("plus", "least")}
    assert owners == {"plus": "plus", "least": "plus"}
    plain = {"plain": {}, "other": {"base": "plain", "dynamic": {"ema": 0.5}}}
    assert static_owner(plain, bases(plain, "other")) == "plain"


def test_a_variant_that_trains_nothing_shows_the_portrait_of_its_base():
    known = {
        "one": {},
        "two": {"base": "one", "static": {"fields": "separate"}},
        "faster": {"base": "two", "dynamic": {"ema": 0.5}},
        "pasted": {"base": "two", "evaluate": {"torso": "pasted"}},
        "again": {"base": "pasted", "about": "The same."},
    }
    owners = {name: dynamic_owner(known, bases(known, name)) for name in known}
    assert owners == {
        "one": "one", "two": "two", "faster": "faster", "pasted": "two", "again": "two",
    }  # fmt: skip
