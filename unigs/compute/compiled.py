"""Whether the CPU kernels are compiled; a process that needs equal bits lets another compile them.

A process that compiles kernels rounds some sums otherwise than one that loads them: helpers that it
compiled by themselves take the place of those inside the kernels that call them. So trainings never
compile, and two of the same seed are equal to the bit, the very first one too.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from pathlib import Path

import numba

from unigs.compute.jit import PACKAGE, cache_folder

log = logging.getLogger("unigs")

COMPILER = "unigs.train.compile_kernels"
"""Module whose command compiles all kernels and ends with `mark_compiled`."""


def ensure_compiled(device: str) -> None:
    """Have the kernels compiled by a process of its own, unless that was done before.

    Args:
        device: kind of the device that computes; on others than a CPU nothing is done.
    """
    if device != "cpu" or _mark().exists():
        return
    log.info("compiling the CPU kernels once, half a minute")
    command = [sys.executable, "-m", COMPILER]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        log.warning("the CPU kernels could not be compiled beforehand: %s", done.stderr[-300:])


def mark_compiled() -> None:
    """Note that all kernels are compiled."""
    _mark().touch()


def _mark() -> Path:
    """File that stands for compiled kernels, of this processor, versions and place.

    Numba finds machine code by the path of its source: a copied checkout compiles anew.
    """
    from numba.core.registry import cpu_target

    processor = cpu_target.target_context.codegen().magic_tuple()
    facts = (numba.__version__, sys.version, processor, str(PACKAGE))
    digest = hashlib.sha256(repr(facts).encode())
    return cache_folder() / f"compiled-{digest.hexdigest()[:16]}"
