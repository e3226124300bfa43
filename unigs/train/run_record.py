"""run.json: what was trained, with what, where, and how long it took."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch

import unigs
from unigs.compute.device import processor_name
from unigs.stage.files import load_npz
from unigs.subject.dataset import Dataset


def run_record(
    stage: str, settings: object, summary: dict, device: torch.device, dataset: Dataset
) -> dict:
    """Everything that a reader of a result wants to know, as JSON values."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else processor_name()
    return {
        "stage": stage,
        "settings": asdict(settings),
        "summary": summary,
        "device": {"kind": device.type, "name": name},
        "versions": {
            "unigs": unigs.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "backends": backends(dataset),
        "frames": {"train": len(dataset.train), "test": len(dataset.test), "all": dataset.count},
    }


def backends(dataset: Dataset) -> dict[str, str]:
    """Which back-end made each feature, as the feature files say."""
    found, files = {}, dataset.files
    for name, path in (
        ("landmarks", files.landmarks),
        ("pose", files.pose),
        ("speech", files.speech),
    ):
        if path is not None and "backend" in (arrays := load_npz(path)):
            found[name] = str(arrays["backend"])
    return found
