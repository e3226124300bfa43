"""The command `unigs setup`: what a portrait needs and `pip install` of the package leaves out.

MediaPipe declares a second OpenCV, one that needs the libraries of an X server and overwrites the
headless one, so it is no dependency of the package and is installed alone
(docs/decisions/0004-one-pinned-environment.md).
"""

import argparse
import importlib.util
import logging
import re
import shutil
import subprocess
import sys

from unigs.pretrained.catalogue import models_folder
from unigs.pretrained.command import fetch_models
from unigs.stage.errors import UserError
from unigs.workflow.home import home

log = logging.getLogger("unigs")

LAST_PYTHON = (3, 12)
"""Newest Python that the pinned MediaPipe has a build for."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs setup`.

    Args:
        parser: parser of what stands behind `unigs setup`.
    """
    parser.description = (
        "Install MediaPipe, which finds the face, compile the CPU kernels, and fetch pretrained "
        "weights into resources/models. What is there is left alone; `unigs demo` and `unigs "
        "portrait` do what they need of this by themselves."
    )
    parser.set_defaults(run=lambda _: set_up())


def set_up() -> None:
    """Install, compile and fetch everything.

    Raises:
        UserError: MediaPipe cannot be installed.
    """
    install_mediapipe()
    log.info("compiling the CPU kernels once, half a minute")
    subprocess.run([sys.executable, "-m", "unigs.train.compile_kernels"], check=True)
    fetch_models((), tries=True)


def ensure_equipment() -> None:
    """Install MediaPipe if it is missing; fetch weights if this folder was never asked for any.

    Raises:
        UserError: MediaPipe cannot be installed.
    """
    install_mediapipe()
    if not models_folder().exists():
        log.info("Fetching pretrained weights into %s, 28 MB to keep.", models_folder())
        models_folder().mkdir(parents=True)
        fetch_models((), tries=True)


def has_mediapipe() -> bool:
    """Whether MediaPipe is installed, of whatever version."""
    return importlib.util.find_spec("mediapipe") is not None


def mediapipe_pin() -> str:
    """The requirement that `constraints.txt` pins, as pip takes it."""
    text = (home() / "constraints.txt").read_text(encoding="utf-8")
    return re.search(r"^mediapipe==\S+$", text, re.MULTILINE)[0]


def install_mediapipe() -> None:
    """Install MediaPipe into this environment, without what it declares.

    Raises:
        UserError: it has no build for this Python, or the installer fails.
    """
    if has_mediapipe():
        return
    pin = mediapipe_pin()
    if sys.version_info[:2] > LAST_PYTHON:
        raise UserError(
            f"{pin}, which finds the face in a clip, has no build for Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}: use Python 3.11 or 3.12 to make a "
            "portrait; portraits that are made speak here, too (unigs drive)."
        )
    command = [*_installer(), "--no-deps", pin]
    log.info("Installing %s: %s", pin, " ".join(command))
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise UserError(
            f"MediaPipe, which finds the face in a clip, could not be installed ({last}): run "
            f"pip install --no-deps {pin} in this environment."
        )
    importlib.invalidate_caches()


def _installer() -> list[str]:
    """Command that installs into this environment: its own pip, or uv where it has none.

    Raises:
        UserError: neither is there.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "-q"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "-q", "--python", sys.executable]
    raise UserError(
        "MediaPipe, which finds the face in a clip, is missing, and this environment has no pip to "
        f"install it: install {mediapipe_pin()} without its dependencies (--no-deps)."
    )
