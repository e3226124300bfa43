"""Which device judges, and its name for the records."""

import torch

from unigs.compute.device import pick_device, processor_name


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
    return f"cpu: {processor_name()}"
