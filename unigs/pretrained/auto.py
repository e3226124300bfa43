"""Settings that say `auto`: the file of the catalogue where it is there, else nothing.

The workflow calls `settle` while planning, so that a file that is there becomes an input of its
rule; a stage calls it for people who start it by hand.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from unigs.pretrained.catalogue import find_model, model_path, not_there

AUTO = "auto"
"""Value of a setting that leaves the choice of the file to the catalogue."""
SPEECH_MODEL = "whisper-tiny-en"
"""Name of the weights that the speech back-end whisper takes unless it is told."""
LANDMARKS68, LIGHT_ASD, SYNCNET = "face-landmarks-68", "light-asd", "syncnet-v2"
"""Names of the networks that look at lips."""
DETECTORS, LANDMARKER = "mediapipe-detectors", "face-landmarker"
"""Names of the networks that find faces, hands and persons."""
CARRIERS = {"litert": DETECTORS, "landmarker": LANDMARKER, "tasks": LANDMARKER}
"""Carrier of detectors -> the networks that it runs unless it is told; mediapipe brings its own."""
Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Choice:
    """A setting that may say `auto`."""

    setting: str
    """Name of the setting, a path."""
    model: str
    """Name of the weights in the catalogue."""
    weight: str = ""
    """The weight of a loss which needs the file: at 0 the file is not looked for, and where the
    file is not there it is 0. Empty: no loss needs it."""
    usual: bool = True
    """Whether setup fetches the file, so that people are told where it is not there."""


CHOICES: dict[str, tuple[Choice, ...]] = {
    "dynamic": (Choice("lpips_model", "lpips-alex", weight="lambda_lpips"),),
    "evaluate": (
        Choice("lpips_model", "lpips-alex"),
        Choice("landmarks_model", LANDMARKS68, usual=False),
        Choice("sync_model", LIGHT_ASD, usual=False),
        Choice("syncnet_model", SYNCNET, usual=False),
    ),
}
"""Section of the configuration -> its settings that may say `auto`."""


def settle(section: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings in which no `auto` is left.

    Args:
        section: name of the section.
        values: settings of the section, perhaps not all of them.

    Returns:
        The settings, with a path or an empty text in the place of each `auto`, and the names of
        the weights that are not there.
    """
    settled, missing = dict(values), []
    for choice in CHOICES.get(section, ()):
        if choice.weight and not settled.get(choice.weight, 1):
            settled |= {choice.setting: ""} if choice.setting in settled else {}
        elif settled.get(choice.setting) == AUTO:
            found = find_model(choice.model)
            settled[choice.setting] = str(found or "")
            if found is None and choice.usual:
                missing.append(choice.model)
            if found is None and choice.weight:
                settled[choice.weight] = 0.0
    return settled, missing


def settled_settings(section: str, settings: Settings) -> tuple[Settings, list[str]]:
    """The same for a settings object, as a stage is given it.

    Args:
        section: name of the section.
        settings: a dataclass of settings of the section.

    Returns:
        The settings without any `auto`, and a sentence for each file that is not there.
    """
    values, missing = settle(section, asdict(settings))
    return replace(settings, **values), [not_there(name) for name in missing]


def settle_speech(backend: str, model: str) -> tuple[str, str]:
    """Back-end and model of speech, with nothing left open.

    Args:
        backend: setting `speech.backend`. auto: whisper where its file is there or a model is
            named, else logmel.
        model: setting `speech.model`. Empty: whisper takes the file of `SPEECH_MODEL`.
    """
    usual = model_path(SPEECH_MODEL)
    if backend == AUTO:
        backend = "whisper" if model or usual.is_file() else "logmel"
    return backend, model or (str(usual) if backend == "whisper" else "")


def hears_best(backend: str, model: str) -> bool:
    """Whether nothing better would be heard with if it were there.

    Args:
        backend: setting `speech.backend`.
        model: setting `speech.model`.
    """
    return backend != AUTO or settle_speech(backend, model)[0] == "whisper"


def settle_detectors(carrier: str, model: str) -> tuple[str, str]:
    """Carrier of the detectors and file of its networks, with nothing left open.

    Args:
        carrier: setting `detectors`. auto: mediapipe where it is installed and the networks for
            litert are not there, else litert.
        model: setting `detectors_model`. Empty: the file that the catalogue names.
    """
    if carrier == AUTO:
        networks = bool(model) or model_path(DETECTORS).is_file()
        old = not networks and importlib.util.find_spec("mediapipe") is not None
        carrier = "mediapipe" if old else "litert"
    if carrier not in CARRIERS:
        return carrier, "" if carrier == "mediapipe" else model
    return carrier, model or str(model_path(CARRIERS[carrier]))


def chosen_model(setting: str, name: str) -> Path | None:
    """The file that a setting names: its own, the fetched one (auto), or none (empty).

    Args:
        setting: a path, "auto", or empty.
        name: of the network.
    """
    if setting == AUTO:
        return find_model(name)
    return Path(setting) if setting else None
