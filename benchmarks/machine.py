"""What a time was measured on: processor, its peak rate, versions."""

import os
import platform
import re
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numba import njit

from unigs.compute.device import processor_name
from unigs.compute.jit import JIT

PACKAGES = ("numpy", "numba", "llvmlite", "torch", "gsplat")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> dict:
    """Processor, load and versions: without them a time means nothing."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else (None, None, None)
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load_average": [None if x is None else round(x, 2) for x in load],
        "python": platform.python_version(),
        "packages": {p: _version(p) for p in PACKAGES},
        "peak_gflops_per_core": round(peak_gflops(), 1),
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


@njit(**{**JIT, "fastmath": {"contract"}})  # without reassociation, which would skip the work
def _multiply_add(values, rounds):
    """128 independent chains of multiply-adds: more than enough to fill every pipeline."""
    a = np.float32(0.999)
    b = np.float32(0.001)
    for _ in range(rounds):
        for i in range(128):
            x = values[np.uint64(i)]
            for _ in range(16):
                x = x * a + b
            values[np.uint64(i)] = x


def peak_gflops() -> float:
    """Multiply-adds per second that one core reaches from registers, in 1e9 operations."""
    values = np.zeros(128, np.float32)
    rounds = 20_000
    _multiply_add(values, 1)
    best = np.inf
    for _ in range(7):
        start = time.perf_counter()
        _multiply_add(values, rounds)
        best = min(best, time.perf_counter() - start)
    return rounds * 128 * 16 * 2 / best / 1e9


def machine_slug() -> str:
    """The processor and its number of cores as part of a file's name."""
    words = re.sub(r"\(.*?\)|@.*|\bCPU\b", " ", processor_name())
    return re.sub(r"[^a-z0-9]+", "-", f"{words} {os.cpu_count()} cores".lower()).strip("-")
