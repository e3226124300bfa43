"""The command `unigs setup`: what a portrait needs and `pip install` of the package leaves out.

Pretrained weights are no part of a package. Most have a stand-in; without the networks that find
faces no clip can be prepared (docs/decisions/0016-detectors-without-mediapipe.md).
"""

import argparse
import logging
import subprocess
import sys
from pathlib import Path

from unigs.pretrained.auto import AUTO, CARRIERS, settle_detectors
from unigs.pretrained.catalogue import models_folder
from unigs.pretrained.command import fetch_models

log = logging.getLogger("unigs")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs setup`.

    Args:
        parser: parser of what stands behind `unigs setup`.
    """
    parser.description = (
        "Compile the CPU kernels, and fetch pretrained weights into resources/models. What is "
        "there is left alone; `unigs demo` and `unigs portrait` do what they need of this by "
        "themselves."
    )
    parser.set_defaults(run=lambda _: set_up())


def set_up() -> None:
    """Compile and fetch everything.

    Raises:
        UserError: the networks that find faces cannot be fetched.
    """
    log.info("compiling the CPU kernels once, half a minute")
    subprocess.run([sys.executable, "-m", "unigs.train.compile_kernels"], check=True)
    fetch_models((), tries=True)
    ensure_detectors()


def ensure_equipment() -> None:
    """Fetch weights if this folder was never asked for any, and what finds faces if it is missing.

    Raises:
        UserError: the networks that find faces cannot be fetched.
    """
    if not models_folder().exists():
        log.info("Fetching pretrained weights into %s, 36 MB to keep.", models_folder())
        models_folder().mkdir(parents=True)
        fetch_models((), tries=True)
    ensure_detectors()


def ensure_detectors() -> None:
    """Fetch the networks that find faces, unless they or a mediapipe are there.

    Raises:
        UserError: they cannot be fetched.
    """
    carrier, networks = settle_detectors(AUTO, "")
    if carrier in CARRIERS and not Path(networks).is_file():
        fetch_models((CARRIERS[carrier],))
