"""What the commands compile and fetch by themselves, with stand-ins for programs and network."""

import subprocess
import sys

import pytest

from unigs.pretrained import auto
from unigs.stage.errors import UserError
from unigs.workflow import equipment
from unigs.workflow.equipment import ensure_equipment, set_up

KERNELS = [sys.executable, "-m", "unigs.train.compile_kernels"]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without weights; calls of programs and fetches are written down."""
    calls, found = [], {}

    def program(command, **_):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    def fetch(names, tries=False):
        calls.append(names)
        if found.get("offline") and not tries:
            raise UserError("mediapipe-detectors cannot be fetched")
        if not found.get("offline"):
            (tmp_path / "models").mkdir(exist_ok=True)
            (tmp_path / "models/mediapipe-detectors.safetensors").touch()

    monkeypatch.setattr(auto.importlib.util, "find_spec", lambda name: found.get(name))
    monkeypatch.setattr(equipment.subprocess, "run", program)
    monkeypatch.setattr(equipment, "fetch_models", fetch)
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path / "models"))
    return calls, found


def test_weights_are_asked_for_once_in_a_folder(machine):
    calls, _ = machine
    ensure_equipment()
    ensure_equipment()
    assert calls == [()]


def test_without_what_finds_faces_nothing_begins(machine):
    calls, found = machine
    found["offline"] = True
    for _ in range(2):
        with pytest.raises(UserError, match="mediapipe-detectors cannot be fetched"):
            ensure_equipment()
    assert calls == [(), ("mediapipe-detectors",), ("mediapipe-detectors",)]


def test_an_installed_mediapipe_finds_faces_as_well(machine):
    calls, found = machine
    found |= {"offline": True, "mediapipe": True}
    ensure_equipment()
    assert calls == [()]


def test_setup_does_all_of_it(machine):
    calls, _ = machine
    set_up()
    assert calls == [KERNELS, ()]
