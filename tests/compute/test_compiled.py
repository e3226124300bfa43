"""Trainings load machine code that another process compiled, so that the first is like the rest."""

import subprocess

import pytest

from unigs.compute import compiled


@pytest.fixture
def cold(tmp_path, monkeypatch):
    """An empty folder of machine code, and the commands that are run."""
    commands = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess:
        commands.append(command)
        return subprocess.CompletedProcess(command, len(commands) - 1, "", "no compiler here")

    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(compiled.subprocess, "run", run)
    return commands


def test_a_training_never_compiles_itself(cold, caplog):
    compiled.ensure_compiled("cuda")
    assert not cold
    compiled.ensure_compiled("cpu")
    assert [command[1:] for command in cold] == [["-m", "unigs.train.compile_kernels"]]
    assert "could not" not in caplog.text
    compiled.mark_compiled()
    compiled.ensure_compiled("cpu")
    assert len(cold) == 1


def test_a_failure_to_compile_is_no_failure_to_train(cold, caplog):
    compiled.ensure_compiled("cpu")
    compiled.ensure_compiled("cpu")
    assert "could not be compiled beforehand: no compiler here" in caplog.text


def test_the_command_that_compiles_leaves_the_mark(cold, monkeypatch):
    from unigs.train import compile_kernels

    monkeypatch.setattr(compile_kernels, "_train_and_play", lambda motion: None)
    compile_kernels.compile_kernels()
    compiled.ensure_compiled("cpu")
    assert not cold


def test_a_copied_checkout_compiles_anew(cold, monkeypatch, tmp_path):
    """Its folder of machine code is copied with it, and numba finds none of it there."""
    compiled.mark_compiled()
    monkeypatch.setattr(compiled, "PACKAGE", tmp_path / "copy" / "unigs")
    compiled.ensure_compiled("cpu")
    assert len(cold) == 1
