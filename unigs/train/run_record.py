"""run.json: what was trained, with what, where, and how long it took."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch

import unigs
from unigs.compute.device import processor_name
from unigs.model.portrait import Portrait
from unigs.provenance.clip import INTENDED_USE, UNTOLD, Provenance
from unigs.settings.static import StaticSettings
from unigs.stage.bounds import fault
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset


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
        "intended_use": INTENDED_USE,
        "frames": {"train": len(dataset.train), "test": len(dataset.test), "all": len(dataset)},
    }


def static_settings(portrait: Portrait) -> StaticSettings:
    """Settings of the static stage, from a portrait that anyone may have made.

    Raises:
        UserError: they are not those of this program.
    """
    settings = portrait.meta.get("static", {}).get("settings", {})
    if wrong := fault(StaticSettings, settings, ""):
        raise UserError(
            f"the static portrait was made with other settings than this program's ({wrong}): "
            "train the static stage again."
        )
    return StaticSettings(**settings)


def timeless(record: dict) -> dict:
    """A record without the time, for a portrait: equal trainings give equal files."""
    summary = {name: value for name, value in record["summary"].items() if name != "seconds"}
    return {**record, "summary": summary}
