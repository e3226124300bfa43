"""Checkpoints: whose they are."""

import io
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

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


def whole(path) -> bytes:
    """A checkpoint as it is written."""
    Checkpoint(path, "key").save({"step": 3, "weights": torch.arange(9.0)})
    return (path / "last.ckpt").read_bytes()


DAMAGED = {
    "text": lambda path: b"my notes, saved under a wrong name\n",
    "other text": lambda path: b"cos\nsystem\n(S'true'\ntR.",
    "nothing": lambda path: b"",
    "a cut file": lambda path: whole(path)[:-300],
    "a list": lambda path: pickled([1, 2]),
    "no state": lambda path: pickled({"key": "key"}),
    "noise": lambda path: np.random.default_rng(0).bytes(5000),
}


def pickled(value) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_checkpoint_starts_over(tmp_path, content, caplog):
    caplog.set_level("INFO")
    (tmp_path / "last.ckpt").write_bytes(content(tmp_path))
    assert Checkpoint(tmp_path, "key").load() is None
    assert f"{tmp_path / 'last.ckpt'} is damaged" in caplog.text
    assert caplog.text.endswith("starting over\n")


def test_a_full_disk_keeps_the_old_checkpoint_and_the_training(tmp_path, request, caplog):
    old = whole(tmp_path)
    request.getfixturevalue("full_disk")
    assert not Checkpoint(tmp_path, "key").save({"step": 4})
    assert "no new checkpoint" in caplog.text and "is full: make room" in caplog.text
    assert (tmp_path / "last.ckpt").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
