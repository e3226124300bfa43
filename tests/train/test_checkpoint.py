"""Checkpoints: whose they are."""

from dataclasses import fields, replace

import pytest

from tests.support.stages import STATIC
from unigs.settings.dynamic import DynamicSettings
from unigs.subject.dataset import SubjectFiles
from unigs.train.checkpoint import Checkpoint, key_of

INPUTS = [field.name for field in fields(SubjectFiles)]


@pytest.fixture
def inputs(tmp_path):
    """A file for every input of a training."""
    for name in (*INPUTS, "static"):
        (tmp_path / name).write_text(name)
    return SubjectFiles(**{name: tmp_path / name for name in INPUTS})


def test_checkpoint_of_other_settings_is_not_resumed(inputs, tmp_path):
    key = key_of(STATIC, inputs)
    Checkpoint(tmp_path, key).save({"step": 3})
    assert Checkpoint(tmp_path, key).load() == {"step": 3}
    other = key_of(replace(STATIC, lambda_alpha=0.2), inputs)
    assert Checkpoint(tmp_path, other).load() is None
    (tmp_path / "last.ckpt").write_bytes(b"damaged")
    assert Checkpoint(tmp_path, key).load() is None


@pytest.mark.parametrize("name", [*INPUTS, "static"])
@pytest.mark.parametrize("settings", [STATIC, DynamicSettings()], ids=["static", "dynamic"])
def test_checkpoint_of_another_input_is_not_resumed(inputs, tmp_path, settings, name, caplog):
    caplog.set_level("INFO")
    static = tmp_path / "static"
    Checkpoint(tmp_path, key_of(settings, inputs, static)).save({"step": 3})
    assert Checkpoint(tmp_path, key_of(settings, inputs, static)).load() == {"step": 3}
    (tmp_path / name).write_text("changed")
    assert Checkpoint(tmp_path, key_of(settings, inputs, static)).load() is None
    assert "last.ckpt belongs to other settings or inputs: starting over" in caplog.text


@pytest.mark.parametrize("name", ["speech", "eyes", "body"])
def test_checkpoint_of_an_input_more_or_less_is_not_resumed(inputs, name):
    keys = {key_of(STATIC, inputs), key_of(STATIC, replace(inputs, **{name: None}))}
    keys.add(key_of(STATIC, replace(inputs, speech=None, eyes=None, body=None)))
    assert len(keys) == 3


def test_checkpoint_of_older_code_is_not_resumed(inputs, tmp_path, monkeypatch):
    Checkpoint(tmp_path, key_of(STATIC, inputs)).save({"step": 3})
    monkeypatch.setattr("unigs.train.checkpoint.LAYOUT", 1)
    assert Checkpoint(tmp_path, key_of(STATIC, inputs)).load() is None
