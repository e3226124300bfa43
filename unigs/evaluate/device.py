"""Which device judges, and its name for the records."""

import platform
from pathlib import Path

import torch

from unigs.train.device import pick_device


def choose_device(wanted: str) -> str:
    """Resolve "auto", "cpu" or "cuda" to "cpu" or "cuda", as training does.

    Raises:
        UserError: CUDA is demanded and torch finds none.
    """
    return pick_device(wanted).type


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
