"""run.json: what was trained, with what, where, and how long it took."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch

import unigs
from unigs.compute.device import processor_name
from unigs.subject.dataset import Dataset


@dataclass(frozen=True)
class Provenance:
    """Where a clip is from and by whose leave it is used; what is not told is None."""

    source: str | None = None
    """Address, title, or who filmed it."""
    license: str | None = None
    """License or terms under which it may be used."""
    consent: str | None = None
    """How the person agreed to a portrait."""

    def told(self) -> dict[str, str]:
        """What is told, by name."""
        return {name: text for name, text in asdict(self).items() if text}


UNTOLD = Provenance()
"""Of a clip about which nothing is told."""


def run_record(
    stage: str,
    settings: object,
    summary: dict,
    device: torch.device,
    dataset: Dataset,
    provenance: Provenance = UNTOLD,
) -> dict:
    """Content of run.json, as JSON values.

    Args:
        stage: name of the stage.
        settings: settings of the stage, a dataclass.
        summary: summary of the training loop.
        device: device that computed.
        dataset: frames that it was trained on.
        provenance: where the clip is from.
    """
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
        "backends": dataset.backends,
        "provenance": provenance.told(),
        "frames": {"train": len(dataset.train), "test": len(dataset.test), "all": len(dataset)},
    }


def timeless(record: dict) -> dict:
    """A record without the time, for a portrait: equal trainings give equal files."""
    summary = {name: value for name, value in record["summary"].items() if name != "seconds"}
    return {**record, "summary": summary}
