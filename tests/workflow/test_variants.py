"""Variants change what their bases say, and share the static portraits of their bases."""

import csv

import pytest
import yaml

from tests.support.workflow import REPO
from unigs.settings.crop import CropSettings
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.screen import ScreenSettings
from unigs.settings.static import StaticSettings
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


def test_what_stands_nowhere_is_what_the_paper_says():
    """Section 4.1 and Table 2's choice; unigs changes none of it."""
    config = yaml.safe_load((REPO / "config/config.yaml").read_text())
    assert not set(config) & {"static", "dynamic", "crop", "screen"}
    assert not set(config["variants"]["unigs"]) & {"base", "static", "dynamic"}
    static, dynamic = StaticSettings(), DynamicSettings()
    weights = ("dssim", "mouth", "hair", "torso", "motion", "lpips")
    assert [getattr(dynamic, f"lambda_{name}") for name in weights] == [
        0.2, 0.1, 0.05, 0.1, 1e-5, 0.2,
    ]  # fmt: skip
    assert static.lambda_dssim == 0.2
    assert static.iterations + dynamic.iterations == 180_000
    assert (dynamic.grid_levels, dynamic.grid_features) == (12, 2)
    assert CropSettings().size == 480
    assert ScreenSettings().test_share == pytest.approx(1 / 11)
    # What is not in the paper is off.
    ours = {"alpha": (static, dynamic), "eyes": (dynamic,)}
    assert not any(getattr(s, f"lambda_{name}") for name, which in ours.items() for s in which)


SYMBOLS = {"μ": "position", "s": "scale", "r": "rotation", "f": "color", "α": "opacity"}
"""The paper's letters of what is deformed (eqs. 6 and 7)."""


def papers_settings(table: str) -> list[dict]:
    """What the methods of a table of the paper are made with, read off their names."""
    found = []
    with open(REPO / "resources/paper/figures.csv", newline="", encoding="utf-8") as file:
        names = [row["method"] for row in csv.DictReader(file) if row["table"] == table]
    for name in names:
        if table == "table2":
            levels, features = (int(word.split("=")[1]) for word in name.split())
            found.append({"grid_levels": levels, "grid_features": features})
        else:
            found.append({"deform": {SYMBOLS[word.strip("Δ ")] for word in name.split(",")}})
    return found


@pytest.mark.parametrize("table, count", [("table2", 4), ("table3", 3)])
def test_variants_of_a_table_are_the_papers_in_its_order_and_differ_in_nothing_else(table, count):
    config = yaml.safe_load((REPO / "config/config.yaml").read_text())
    variants, usual = config["variants"], vars(DynamicSettings())
    expected = papers_settings(table)
    assert len(expected) == count
    for name, own in zip(config["tables"][table]["variants"], expected, strict=True):
        chain = bases(variants, name)
        assert not settings(config, "static", chain), name
        found = usual | settings(config, "dynamic", chain)
        found["deform"] = set(found["deform"].split(","))
        assert found == usual | {"deform": set(usual["deform"].split(","))} | own, name
