"""The schemas of configuration and sheet say what the dataclasses say, and refuse the rest."""

import dataclasses
import json
from pathlib import Path
from typing import Literal

import jsonschema
import jsonschema.protocols
import pytest
import yaml
from snakemake.utils import update_config

from tools import schema
from unigs.settings.subject import Subject
from unigs.workflow.sections import MODEL_FILES, SECTIONS

REPO = Path(__file__).parents[2]
PRESETS = sorted((REPO / "config/presets").glob("*.yaml"))


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def validator() -> jsonschema.protocols.Validator:
    written = load(schema.CONFIG_SCHEMA)
    jsonschema.Draft202012Validator.check_schema(written)
    return jsonschema.Draft202012Validator(written)


@pytest.fixture(scope="module")
def rows() -> jsonschema.protocols.Validator:
    written = load(schema.SHEET_SCHEMA)
    jsonschema.Draft202012Validator.check_schema(written)
    return jsonschema.Draft202012Validator(written)


@pytest.fixture
def config() -> dict:
    return load(REPO / "config/config.yaml")


def test_committed_files_are_in_step():
    """If this fails: make schema."""
    assert schema.CONFIG_SCHEMA.read_text() == schema.config_schema_text()
    assert schema.SHEET_SCHEMA.read_text() == schema.sheet_schema_text()
    readme = schema.README.read_text()
    assert readme == schema.readme_text(readme)


def test_schema_has_every_field_of_every_section(validator):
    for name, cls in SECTIONS.items():
        known = validator.schema["$defs"][name]["properties"]
        assert list(known) == [field.name for field in dataclasses.fields(cls)], name


def test_every_module_of_settings_is_a_section():
    modules = {path.stem for path in (REPO / "unigs/settings").glob("*.py")}
    assert modules - {"__init__", "detectors", "subject"} == set(SECTIONS)
    assert all(cls.__module__ == f"unigs.settings.{name}" for name, cls in SECTIONS.items())


def test_settings_that_are_paths_are_known_as_such():
    for name, cls in SECTIONS.items():
        texts = schema.descriptions(cls)
        paths = tuple(field for field, text in texts.items() if text.startswith("Path of"))
        assert paths == MODEL_FILES.get(name, ())


def test_every_field_is_described():
    for name, cls in [*SECTIONS.items(), ("subject", Subject)]:
        texts = schema.descriptions(cls)
        silent = [f.name for f in dataclasses.fields(cls) if not texts.get(f.name)]
        assert not silent, f"unigs/settings/{name}.py: no docstring under {silent}"


def test_every_default_passes_its_own_schema(validator):
    for name, cls in SECTIONS.items():
        part = {"$defs": validator.schema["$defs"], "$ref": f"#/$defs/{name}"}
        defaults = json.loads(json.dumps(dataclasses.asdict(cls())))
        jsonschema.Draft202012Validator(part).validate(defaults)


@pytest.mark.parametrize("preset", [None, *PRESETS], ids=lambda p: p.stem if p else "default")
def test_shipped_configurations_are_valid(validator, config, preset):
    if preset:
        update_config(config, load(preset))
    validator.validate(config)


@pytest.mark.parametrize(
    "text",
    [
        "dynamic: {lambda_motion: 1e-5}",  # YAML reads this as text
        "dynamic: {lambda_motoin: 0.1}",
        "dynamik: {lambda_motion: 0.1}",
        "static: {iterations: 10.5}",
        "static: {iterations: true}",
        "static: {iterations: null}",
        "static: {init: sphere}",
        "variants: {x: {dynamic: {lambda_motion: 1e-5}}}",
        "variants: {x: {dynamic: {iteration: 10}}}",
        "variants: {x: {crop: {size: 256}}}",  # shared by all variants of a subject
        "variants: {clip: {}}",  # a folder of every subject
        "variants: {Über: {}}",
        "tables: {t: {datasets: [a]}}",
        "videos: {variants: [unigs], audio: speech}",
        "run_tables: 1",
        "run_tables: []",
    ],
)
def test_mistakes_are_refused(validator, config, text):
    validator.validate(config)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(config | yaml.safe_load(text))


ROW = {"subject": "ann", "dataset": "own", "video": "a b.mp4"}


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"video": "synthetic"},
        {"video": None, "url": "https://example.org/a.mp4", "sha256": "0aF9" * 16},
        {"url": "file:///a.mp4"},
        {"crop": "480:480:0:16", "start": "1", "stop": "20.5", "remove": "3.2-5,40-41.5"},
        {"openface": "any.csv"},
    ],
)
def test_rows_of_the_sheet_are_accepted(rows, cells):
    rows.validate(filled(ROW | cells))


@pytest.mark.parametrize(
    "cells",
    [
        {"subject": None},
        {"dataset": None},
        {"video": None},
        {"subject": "Ann"},
        {"subject": "tables"},  # a folder of results
        {"subject": "figures"},
        {"dataset": "long hair"},
        {"url": "example.org/a.mp4"},
        {"sha256": "0aF9"},
        {"crop": "480:480"},
        {"start": "-1"},
        {"stop": "20."},
        {"remove": "3.2-5, 40-41.5"},
        {"age": "40"},
    ],
)
def test_mistakes_in_the_sheet_are_refused(rows, cells):
    with pytest.raises(jsonschema.ValidationError):
        rows.validate(filled(ROW | cells))


def filled(cells: dict) -> dict:
    return {column: cell for column, cell in cells.items() if cell is not None}


def test_the_sheet_is_no_section_of_the_configuration(validator, rows):
    assert "subject" not in SECTIONS and "subject" not in validator.schema["properties"]
    assert list(rows.schema["properties"]) == [field.name for field in dataclasses.fields(Subject)]


def test_json_types():
    assert schema.json_type(bool) == {"type": "boolean"}
    assert schema.json_type(float) == {"type": "number"}
    assert schema.json_type(int | None) == {"type": ["integer", "null"]}
    assert schema.json_type(Literal["a", "b"]) == {"enum": ["a", "b"]}
    assert schema.json_type(Literal["a"] | None) == {"enum": ["a", None]}
    for unfit in (list[int], int | str, Path):
        with pytest.raises(TypeError):
            schema.json_type(unfit)


def test_descriptions_are_the_strings_under_the_fields():
    class Sample:
        """Not a description."""

        first: int = 1
        """One line."""
        silent: int = 2
        second: str = ""
        """Two
        lines."""

    class More(Sample):
        third: int = 3
        """One more."""

    texts = {"first": "One line.", "second": "Two lines."}
    assert schema.descriptions(Sample) == texts
    assert schema.descriptions(More) == texts | {"third": "One more."}
