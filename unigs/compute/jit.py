"""Compiler options that all kernels share."""

from typing import Any

# contract: fused multiply-add; reassoc: reductions may use vector lanes; arcp and nsz: x / y may
# become x * (1 / y). "nnan" and "ninf" are left out on purpose: masked lanes may hold infinities.
JIT: dict[str, Any] = {
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
    "cache": True,
    "error_model": "numpy",
    "nogil": True,
    "boundscheck": False,
}
