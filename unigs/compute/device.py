"""Which device computes, and its name for the records."""

from __future__ import annotations

import logging
import platform
from pathlib import Path

import torch

from unigs.compute.cards import claim_card
from unigs.compute.threads import get_threads
from unigs.stage.errors import UserError

log = logging.getLogger("unigs")


def pick_device(wish: str) -> torch.device:
    """Resolve "auto", "cpu" or "cuda", and log the device.

    Of several GPUs the process gets one that no other run of UniGS has taken (`claim_card`).
    On a CPU torch keeps to one thread: its pool spins and competes with the kernels' threads.
    On a GPU convolutions keep all 24 bits: with the 11 that cuDNN takes by default the variances of
    SSIM, small differences of large numbers, would be lost to rounding.

    Raises:
        UserError: cuda was asked for and is not there.
    """
    if wish != "cpu":
        # Before torch asks CUDA for anything: CUDA reads the visible cards once.
        claim_card(torch.cuda.device_count())
    available = torch.cuda.is_available()
    if wish == "cuda" and not available:
        raise UserError("device is set to cuda but torch sees no CUDA device: use auto or cpu.")
    device = torch.device("cuda" if available and wish != "cpu" else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
        log.info("device: cpu, %d kernel threads", get_threads())
    else:
        torch.backends.cudnn.allow_tf32 = False
        log.info("device: %s", torch.cuda.get_device_name())
    return device


def processor_name() -> str:
    """Model name of the CPU, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def device_name(device: str) -> str:
    """Kind and model of a device, for instance "cuda: NVIDIA H200" or "cpu: AMD EPYC 7B13".

    Args:
        device: "cpu" or "cuda".
    """
    if device == "cuda":
        return f"cuda: {torch.cuda.get_device_name()}"
    return f"cpu: {processor_name()}"
