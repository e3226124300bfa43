"""The catalogue says of every model what people and programs need to know."""

import dataclasses
import re
from pathlib import Path

import pytest

from unigs.pretrained import auto
from unigs.pretrained.auto import CHOICES, settle
from unigs.pretrained.catalogue import find_model, model_path, models
from unigs.pretrained.convert import READERS
from unigs.settings.dynamic import DynamicSettings
from unigs.workflow.sections import MODEL_FILES, SECTIONS

FREE = ("MIT", "BSD", "Apache")


def test_entries_are_complete():
    for name, chosen in models().items():
        assert re.fullmatch(r"[a-z0-9-]+", name) and chosen.purpose.endswith(".")
        assert chosen.without and not chosen.without.endswith(".")
        assert bool(chosen.sources) != bool(chosen.put), name
        for source in chosen.sources:
            assert source.reader in READERS
            for file in source.files.values():
                assert bool(file.url) + bool(file.pypi) + bool(file.npm) == 1
                assert bool(file.file) == bool(file.pypi or file.npm)
                assert re.fullmatch(r"[0-9a-f]{64}", file.sha256) and file.size
                assert bool(file.member) == bool(file.member_size) == bool(file.member_sha256)


def test_defaults_are_free_small_and_have_a_mirror():
    chosen = [entry for entry in models().values() if entry.default]
    names = {"whisper-tiny-en", "lpips-alex", "face-landmarks-68", "mediapipe-detectors"}
    assert {entry.name for entry in chosen} == names
    assert sum(entry.size for entry in chosen) < 40e6
    for entry in chosen:
        assert entry.license.startswith(FREE) and not entry.terms and entry.layout
        assert any(f.pypi or f.npm for source in entry.sources for f in source.files.values())
    assert all(entry.terms for entry in models().values() if not entry.license.startswith(FREE))


def test_where_files_lie(tmp_path, monkeypatch):
    monkeypatch.delenv("UNIGS_MODELS", raising=False)
    assert model_path("x") == Path("resources/models/x.safetensors")
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    assert model_path("x") == tmp_path / "x.safetensors" and find_model("x") is None
    (tmp_path / "x.safetensors").touch()
    assert find_model("x") == tmp_path / "x.safetensors"


def test_choices_are_settings_that_name_files():
    for section, choices in CHOICES.items():
        fields = {field.name: field.default for field in dataclasses.fields(SECTIONS[section])}
        for choice in choices:
            assert fields[choice.setting] == auto.AUTO and choice.model in models()
            assert choice.setting in MODEL_FILES[section]
            assert not choice.weight or isinstance(fields[choice.weight], float)


def test_auto_is_the_file_if_it_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    values = {"lambda_lpips": 0.2, "lpips_model": "auto", "ema": 0.9}
    none = {"lambda_lpips": 0.0, "lpips_model": "", "ema": 0.9}
    assert settle("dynamic", values) == (none, ["lpips-alex"])
    path = tmp_path / "lpips-alex.safetensors"
    path.touch()
    assert settle("dynamic", values) == (values | {"lpips_model": str(path)}, [])
    # Weights that no loss uses are no input.
    assert settle("dynamic", none | {"lpips_model": "auto"}) == (none, [])
    own = values | {"lpips_model": "own.safetensors"}
    assert settle("dynamic", own) == (own, [])
    assert settle("crop", {"size": 3}) == ({"size": 3}, [])


def test_a_stage_started_by_hand_is_told_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    settings, (sentence,) = auto.settled_settings("dynamic", DynamicSettings(lambda_lpips=0.2))
    assert settings.lambda_lpips == 0 and settings.lpips_model == ""
    assert sentence.startswith(f"{tmp_path}/lpips-alex.safetensors is not there, so LPIPS is not")


@pytest.mark.parametrize("name", [name for name, entry in models().items() if entry.put])
def test_what_is_not_fetched_says_how_to_put_it(name):
    assert "name its path as" in models()[name].put
