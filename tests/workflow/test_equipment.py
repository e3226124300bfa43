"""What the commands install and fetch by themselves, with stand-ins for installer and network."""

import subprocess
import sys
from collections import namedtuple

import pytest

from unigs.stage.errors import UserError
from unigs.workflow import equipment
from unigs.workflow.equipment import ensure_equipment, install_mediapipe, mediapipe_pin, set_up

Version = namedtuple("Version", "major minor")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without MediaPipe and weights; calls of programs and fetches are written down."""
    calls = []
    found = {"pip": True}

    def program(command, **_):
        calls.append(command)
        failed = found.get("fails", 0)
        return subprocess.CompletedProcess(command, failed, "", "noise\nno such package\n")

    monkeypatch.setattr(equipment.importlib.util, "find_spec", lambda name: found.get(name))
    monkeypatch.setattr(equipment.subprocess, "run", program)
    monkeypatch.setattr(equipment.shutil, "which", lambda name: found.get(name))
    monkeypatch.setattr(equipment, "fetch_models", lambda names, tries: calls.append("fetch"))
    monkeypatch.setattr(equipment.sys, "version_info", Version(3, 12))
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path / "models"))
    return calls, found


def test_mediapipe_is_installed_alone_and_once(machine):
    calls, found = machine
    install_mediapipe()
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "mediapipe==0.10.14"]
    assert calls == [pip] and mediapipe_pin() == pip[-1]
    found["mediapipe"] = True
    install_mediapipe()
    assert len(calls) == 1


def test_an_environment_without_pip_uses_uv_or_says_so(machine):
    calls, found = machine
    found |= {"pip": None, "uv": "/bin/uv"}
    install_mediapipe()
    assert calls[0][:3] == ["/bin/uv", "pip", "install"] and "--no-deps" in calls[0]
    found["uv"] = None
    with pytest.raises(UserError, match="has no pip to install it: install mediapipe==0.10.14"):
        install_mediapipe()


def test_a_python_without_a_build_is_named_and_nothing_is_tried(machine, monkeypatch):
    calls, _ = machine
    monkeypatch.setattr(equipment.sys, "version_info", Version(3, 14))
    with pytest.raises(UserError, match="has no build for Python 3.14: use Python 3.11 or 3.12"):
        install_mediapipe()
    assert not calls


def test_what_the_installer_says_last_is_in_the_sentence(machine):
    _, found = machine
    found["fails"] = 1
    with pytest.raises(UserError, match=r"could not be installed \(no such package\): run pip"):
        install_mediapipe()


def test_weights_are_asked_for_once_in_a_folder(machine):
    calls, found = machine
    found["mediapipe"] = True
    ensure_equipment()
    ensure_equipment()
    assert calls == ["fetch"]


def test_setup_does_all_of_it(machine):
    calls, _ = machine
    set_up()
    kernels = [sys.executable, "-m", "unigs.train.compile_kernels"]
    assert calls[1:] == [kernels, "fetch"] and calls[0][-1] == "mediapipe==0.10.14"
