"""The real workflow on a subject that is prepared already: a few real rules in seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.support.workflow import DETECTORS, REPO, snakemake, stand_in

SUBJECT = "results/ann"
PLACES = {
    "video.mp4": "clip/video.mp4",
    "landmarks.npz": "face/landmarks.npz",
    "frames.csv": "clip/frames.csv",
    "tone.wav": "speech/audio.wav",
    "labels.mkv": "regions/labels.mkv",
    "background.png": "regions/background.png",
    "motion.npz": "body/motion.npz",
    "eyes.csv": "face/eyes.csv",
    "pose.npz": "face/pose.npz",
    "features.npz": "speech/features.npz",
}
"""Good file -> where the workflow has it, in the order in which they are made."""
BESIDE = ("clip/crop.json", "regions/hole.png")
"""What else their rules make, and no other reads."""
POSE = f"{SUBJECT}/face/pose.npz"
LANDMARKS = f"{SUBJECT}/face/landmarks.npz"
SPEECH = f"{SUBJECT}/speech/features.npz"
STATIC = f"{SUBJECT}/unigs/static/portrait.safetensors"
CONFIG = {
    "subjects": "people.tsv",
    "speech": {"backend": "logmel"},
    "static": {
        "iterations": 30, "points": 400, "max_gaussians": 600, "evaluate_every": 30,
        "densify_from": 1000, "device": "cpu",
    },
    "pose": {"shape_frames": 20},
}  # fmt: skip


def working_directory(folder: Path, config: Mapping[str, object], video: str) -> Path:
    """Give a folder a configuration, and a sheet with the subject `ann` alone.

    Args:
        folder: where; made if it is not there.
        config: the configuration; its `subjects` is people.tsv.
        video: what the sheet says of her video.
    """
    (folder / "config").mkdir(parents=True)
    (folder / "config/config.yaml").write_text(yaml.safe_dump(dict(config)))
    (folder / "people.tsv").write_text(f"subject\tdataset\tvideo\nann\town\t{video}\n")
    return folder


def tiny_subject(folder: Path, good: Path, **config: object) -> Path:
    """A working directory whose subject `ann` is prepared, and whose source is `ann.mp4`.

    Args:
        folder: folder to make.
        good: good files (`tests.support.good_files`).
        **config: sections of the configuration that are changed.
    """
    working_directory(folder, CONFIG | config, "ann.mp4")
    shutil.copy(good / "video.mp4", folder / "ann.mp4")
    stand_in(folder / "models")
    for name, place in PLACES.items():
        path = folder / SUBJECT / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(good / name, path)
    for place in BESIDE:
        (folder / SUBJECT / place).write_text("{}")
    first = time.time() - 1000
    results = [f"{SUBJECT}/{place}" for place in (*PLACES.values(), *BESIDE)]
    made = [f"models/{DETECTORS}", "ann.mp4", *results]
    for k, name in enumerate(made):
        os.utime(folder / name, (first + k, first + k))
    return folder


def workflow(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess:
    """Run Snakemake in such a folder with the shipped profile; nothing is checked."""
    words = (*words, "--snakefile", f"{REPO}/workflow/Snakefile", "--rerun-triggers", "mtime")
    variables = {"UNIGS_MODELS": f"{folder}/models", **variables}
    return snakemake(*words, cwd=folder, check=False, **variables)
