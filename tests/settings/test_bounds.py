"""Settings without meaning are refused before anything runs: by the schema and on the command line.

Each row was taken, or ended in a traceback in the middle of its stage.
"""

import math
import re
import typing
from dataclasses import fields

import pytest
import yaml

from tools import schema
from unigs.settings.demo import DemoSettings
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.static import StaticSettings
from unigs.stage import cli
from unigs.stage.bounds import fault, hints, limits
from unigs.stage.errors import UserError
from unigs.workflow.checks import check
from unigs.workflow.sections import SECTIONS

REFUSED = [
    ("static", "iterations", -5, "at least 1"),
    ("static", "iterations", 0, "at least 1"),
    ("static", "max_gaussians", 0, "from 100 to 2000000"),
    ("static", "points", 3, "from 100 to 2000000"),
    ("static", "densify_every", 0, "at least 1"),
    ("static", "sh_degree", 7, "from 0 to 3"),
    ("static", "mesh_share", 1.5, "from 0 to 1"),
    ("static", "seed", 2**70, "from 0 to 4294967295"),
    ("static", "lr_means", math.nan, "a finite number"),
    ("static", "lambda_alpha", math.inf, "a finite number"),
    ("static", "lambda_alpha", -0.1, "at least 0"),
    ("dynamic", "ema", 2, "at least 0 and below 1"),
    ("dynamic", "ema", 1.0, "at least 0 and below 1"),
    ("dynamic", "lip_teacher", 7, "from 0 to 1"),
    ("dynamic", "batch", 0, "from 1 to 256"),
    ("dynamic", "evaluate_every", 0, "at least 1"),
    ("dynamic", "lip_code", 1, "0, or from 2 to 32"),
    ("dynamic", "lip_code", 200, "0, or from 2 to 32"),
    ("dynamic", "validation_share", 1, "from 0 to 0.5"),
    ("dynamic", "hidden", 60, "from 8 to 1024 and a multiple of 8"),
    ("dynamic", "grid_levels", 0, "from 1 to 64"),
    ("dynamic", "grid_log2_entries", 60, "from 4 to 22"),
    ("dynamic", "deform", "position,colour", "names out of position, scale, .*color, with commas"),
    ("dynamic", "deform", "", "names out of position, .*"),
    ("speech", "bands", 0, "from 4 to 256"),
    ("speech", "window_ms", 0, "from 5 to 500"),
    ("speech", "step_ms", 0, "from 1 to 200"),
    ("speech", "context_ms", 1e9, "from 20 to 2000"),
    ("crop", "size", 127, "from 64 to 4096 and even"),
    ("crop", "fps", 0, "from 1 to 120"),
    ("demo", "hair_color", "brown", "a color as #rrggbb"),
    ("demo", "sample_rate", 16001, "from 8000 to 192000 and a multiple of 200"),
    ("body", "smooth", 1e9, "from 0 to 100"),
    ("screen", "test_share", 0, "above 0 and at most 0.5"),
    ("evaluate", "speed_frames", 0, "from 1 to 100000"),
]


@pytest.mark.parametrize("section, name, value, _", REFUSED)
def test_planning_refuses(section, name, value, _):
    config = yaml.safe_load((schema.REPOSITORY / "config/config.yaml").read_text())
    check(config, schema.CONFIG_SCHEMA, "configuration")
    with pytest.raises(UserError, match=rf"^configuration: {section}\.{name}: \S+"):
        check(config | {section: {name: value}}, schema.CONFIG_SCHEMA, "configuration")


@pytest.mark.parametrize("section, name, value, words", REFUSED)
def test_the_command_line_refuses_in_one_sentence(section, name, value, words, capsys):
    def stage(settings: SECTIONS[section]) -> None:
        """Run."""
        raise AssertionError("it ran")

    flag = f"--{name.replace('_', '-')}={value}"
    with pytest.raises(SystemExit) as stop:
        cli.run(stage, [flag])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert re.fullmatch(rf"error: {name} is \S+, but must be {words} \(see --help\)\.\n", said)


def numbers():
    """Every setting that is a number, with its section's class."""
    for cls in SECTIONS.values():
        for field in fields(cls):
            hint = hints(cls)[field.name]
            plain = typing.get_args(hint)[0] if limits(hint) else hint
            if plain in (int, float):
                yield cls, field.name, plain


def test_every_number_has_bounds_that_its_default_keeps():
    assert len(list(numbers())) > 100
    for cls, name, _ in numbers():
        assert limits(hints(cls)[name]), f"{cls.__name__}.{name} has no bounds"
        assert fault(cls, cls(), "") is None


def test_no_setting_takes_what_is_no_finite_number():
    for cls, name, plain in numbers():
        for value in (math.nan, math.inf, -math.inf, -1e30, "1", None, True):
            assert fault(cls, vars(cls()) | {name: value}, ""), (cls.__name__, name, plain, value)


@pytest.mark.parametrize(
    "cls, shown",
    [
        (StaticSettings, ["--iterations INT>=1", "--mesh-share 0<=FLOAT<=1"]),
        (StaticSettings, ["--split-size 0<FLOAT"]),
        (DynamicSettings, ["--lip-code 0|2<=INT<=32", "--ema 0<=FLOAT<1"]),
        (DynamicSettings, ["--grid-features {1,2,4}"]),
        (DemoSettings, ["--size 64<=INT<=4096,even"]),
    ],
)  # fmt: skip
def test_help_shows_bounds(cls, shown, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def stage(settings: cls) -> None:
        """Run."""

    with pytest.raises(SystemExit):
        cli.run(stage, ["--help"])
    text = capsys.readouterr().out
    assert all(words in text for words in shown)


def test_documents_show_bounds():
    readme = schema.README.read_text()
    assert "| `iterations` | `15000` | at least 1 | Training steps" in readme
    assert "| `ema` | `0.0` | at least 0 and below 1 |" in readme
    assert "| `init` | `frustum` | cube, frustum |" in readme


def test_a_stage_gets_its_own_settings_class_and_numbers_of_flags_are_checked(capsys):
    seen = []

    def stage(settings: StaticSettings, start: float | None = None) -> None:
        """Run."""
        seen.append((type(settings), settings, start))

    cli.run(stage, ["--iterations", "7", "--start", "1.5"])
    assert seen == [(StaticSettings, StaticSettings(iterations=7), 1.5)]
    with pytest.raises(SystemExit):
        cli.run(stage, ["--start", "nan"])
    assert "error: start is nan, but must be a finite number" in capsys.readouterr().err
