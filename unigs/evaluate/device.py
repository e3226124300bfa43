"""Which device judges, and its name for the records."""

import platform
from pathlib import Path

import torch

from unigs.errors import UserError


def choose_device(wanted: str) -> str:
    """Resolve "auto", "cpu" or "cuda" to what torch will use.

    Raises:
        UserError: CUDA is demanded and torch finds none.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("evaluate.device is cuda, but torch finds no CUDA device: set it to auto.")
    return wanted


def device_name(device: str) -> str:
    """Model name of the device, for instance "cuda: NVIDIA H200" or "cpu: AMD EPYC 7B13"."""
    if device == "cuda":
        return f"cuda: {torch.cuda.get_device_name()}"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return f"cpu: {line.split(':', 1)[1].strip()}"
    return f"cpu: {platform.processor() or platform.machine()}"
