"""Sections of the configuration: which dataclass reads each, and what a stage is given of it."""

import functools
import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from unigs.pretrained.auto import LANDMARKER, settle_detectors, settle_speech
from unigs.pretrained.catalogue import model_path
from unigs.settings.body import BodySettings
from unigs.settings.crop import CropSettings
from unigs.settings.demo import DemoSettings
from unigs.settings.drive import DriveSettings
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.evaluate import EvaluateSettings
from unigs.settings.eyes import EyeSettings
from unigs.settings.landmarks import LandmarkSettings
from unigs.settings.pose import PoseSettings
from unigs.settings.regions import RegionSettings
from unigs.settings.screen import ScreenSettings
from unigs.settings.speech import SpeechSettings
from unigs.settings.static import StaticSettings

SECTIONS: dict[str, type] = {
    "body": BodySettings,
    "crop": CropSettings,
    "demo": DemoSettings,
    "drive": DriveSettings,
    "dynamic": DynamicSettings,
    "evaluate": EvaluateSettings,
    "eyes": EyeSettings,
    "landmarks": LandmarkSettings,
    "pose": PoseSettings,
    "regions": RegionSettings,
    "screen": ScreenSettings,
    "speech": SpeechSettings,
    "static": StaticSettings,
}
"""Section -> its dataclass, in the module of `unigs.settings` that bears the section's name."""
PER_VARIANT = ("static", "dynamic", "evaluate")
"""Sections that a variant may override; all others are shared by a subject's variants."""
MODEL_FILES = {
    "crop": ("detectors_model",),
    "dynamic": ("lpips_model",),
    "evaluate": (
        "detectors_model",
        "landmarks_model",
        "lpips_model",
        "sync_model",
        "syncnet_model",
    ),
    "eyes": ("model",),
    "landmarks": ("detectors_model",),
    "pose": ("model",),
    "regions": ("detectors_model", "model"),
    "screen": ("detectors_model",),
    "speech": ("model",),
}
"""Section -> its settings that are paths of files (or folders) which people supply."""


def complete(given: Mapping[str, Any], reader: type) -> dict[str, Any]:
    """The settings that a stage reads, defaults filled in, so that equal settings are equal text.

    Args:
        given: settings of a section, in any order; those that the stage does not read are left out.
        reader: dataclass that the stage reads.

    Returns:
        Name -> value in the order of the dataclass; whole numbers of a float field are floats. A
        setting that is None is absent, as no flag can express it.
    """
    values = _defaults(reader) | {k: v for k, v in given.items() if k in _defaults(reader)}
    numbers = _numbers(reader)
    return {
        name: numbers[name](value) if name in numbers else value
        for name, value in values.items()
        if value is not None
    }


def settled(section: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a section as its rules take them: what is left open is settled while planning.

    So a model's file is an input of the rule, and a back-end that changes with it reruns the rule.
    """
    if section == "speech":
        backend, model = settle_speech(settings["backend"], settings["model"])
        return settings | {"backend": backend, "model": model}
    if settings.get("backend") == "blendshapes" and not settings["model"]:
        return settings | {"model": str(model_path(LANDMARKER))}
    if "detectors" in settings:
        carrier, file = settle_detectors(settings["detectors"], settings["detectors_model"])
        return settings | {"detectors": carrier, "detectors_model": file}
    return settings


@functools.cache
def _defaults(reader: type) -> dict[str, Any]:
    return {field.name: field.default for field in fields(reader)}


@functools.cache
def _numbers(reader: type) -> dict[str, type]:
    """Name of each numeric field -> int or float."""
    return {
        name: kind
        for name, hint in typing.get_type_hints(reader).items()
        for kind in (int, float)
        if kind in (hint, *typing.get_args(hint))
    }
