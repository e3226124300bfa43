"""Each sentence about a machine, against facts that are made up for it."""

from dataclasses import replace

import pytest

from unigs.doctor.advice import advise
from unigs.doctor.finding import LOOK, OK, STOP
from unigs.doctor.machine import Machine, look
from unigs.pretrained.catalogue import models

GOOD = Machine(
    torch="2.13.0+cpu", ffmpeg="/usr/bin/ffmpeg", litert="2.3.0", models=tuple(models()),
    scratch="/tmp",
)  # fmt: skip
GPU = {"torch": "2.13.0", "torch_cuda": "13.0", "cards": ("NVIDIA X",)}


def texts(machine: Machine) -> list[str]:
    return [" ".join(finding.text().split()) for finding in advise(machine)]


def test_nothing_is_said_against_a_good_machine():
    findings = list(advise(GOOD))
    assert {f.mark for f in findings} == {OK} and not any(f.costs or f.remedy for f in findings)


@pytest.mark.parametrize(
    "change, mark, about, words",
    [
        ({"torch": "", "torch_error": "libgomp is gone"}, STOP, "torch", "(libgomp is gone)"),
        ({"opencv_error": "libGL.so.1: no such file"}, STOP, "OpenCV", "(libGL.so.1: no such"),
        ({"signing_error": "no c2pa"}, LOOK, "c2pa-python", "videos get no signed manifest"),
        ({"litert": ""}, STOP, "Detectors", "LiteRT is missing; no face is found, so no clip can"),
        ({"litert": "", "mediapipe": "0.10.35"}, STOP, "Detectors", "pip install ai-edge-litert"),
        ({"models": tuple(n for n in models() if n != "mediapipe-detectors")}, STOP, "Detectors",
         "the networks mediapipe-detectors are missing; no face"),
        ({"ffmpeg": "", "encoders": ()}, STOP, "ffmpeg", "is missing; no video is read"),
        ({"encoders": ("aac", "ffv1")}, STOP, "ffmpeg", "has no encoder libx264; clips"),
        ({"cores": 1}, LOOK, "GPU", "a first look takes half an hour"),
        ({"cards": ("NVIDIA X",)}, LOOK, "GPU", "but torch 2.13.0+cpu is a build for CPUs"),
        (GPU | {"gpu_error": "driver too old"}, LOOK, "GPU", "cannot use one (driver too old)"),
        (GPU, LOOK, "GPU", "cannot use one (torch sees none)"),
        (GPU | {"gpus": ("NVIDIA X, 80 GB",), "gsplat_error": "gsplat is built without kernels"},
         STOP, "GPU", "X, 80 GB, but gsplat is built without kernels; a training with device auto"),
        ({"models": tuple(n for n in models() if n != "lpips-alex")}, LOOK, "Weights",
         "lpips-alex is not there; LPIPS is not measured"),
        ({"memory_gb": 2.0}, LOOK, "Memory", "2 GB free; jobs on ten minutes of video need 4 GB"),
        ({"here_gb": 1.0}, LOOK, "Disk", "1 GB free in this folder; results"),
        ({"scratch_gb": 3.0}, LOOK, "Scratch", "ten minutes at 256x256 (4 GB) do not fit"),
        ({"scratch_gb": 8.0}, LOOK, "Scratch", "ten minutes at 480x480 (14 GB) do not fit"),
        ({"scratch_in_memory": True}, LOOK, "Scratch", "kept in memory; decoded frames"),
        ({"sbatch": True}, LOOK, "SLURM", "pip install snakemake-executor-plugin-slurm"),
    ],
)  # fmt: skip
def test_each_fault_is_one_sentence_with_a_remedy(change, mark, about, words):
    (fault,) = (f for f in advise(replace(GOOD, **change)) if f.mark != OK)
    text = " ".join(fault.text().split())
    assert (fault.about, fault.mark) == (about, mark) and words in text
    assert fault.costs and text.endswith(f"To do: {fault.remedy}.")


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({}, "ok GPU: none; 8 processor cores, on which a first look takes minutes"),
        (GPU | {"gpus": ("NVIDIA X, 80 GB",)}, "ok GPU: NVIDIA X, 80 GB, with gsplat's kernels."),
        ({"litert": "", "mediapipe": "0.10.14"}, "ok Detectors: mediapipe 0.10.14."),
        ({"python": (3, 14)}, "ok Python: 3.14."),
        ({}, "ok Detectors: LiteRT 2.3.0."),
        ({}, "ok SLURM: none: jobs run on this machine."),
        ({"sbatch": True, "slurm_plugin": True}, "sacct does not answer, so keep slurm-status-co"),
        ({"sbatch": True, "slurm_plugin": True, "accounting": True}, "fill in a copy of workflow"),
        ({"models": tuple(n for n in models() if models()[n].default)}, "light-asd, syncnet-v2"),
        ({"memory_gb": None}, "ok Disk: 100 GB free in this folder."),
    ],
)  # fmt: skip
def test_what_is_well_is_told_too(change, sentence):
    told = texts(replace(GOOD, **change))
    assert any(sentence in text for text in told)
    assert all(text.startswith("ok ") for text in told)


def test_this_machine_is_looked_up():
    machine = look()
    assert machine.torch and not machine.torch_error and machine.cores >= 1
    assert machine.ffmpeg and machine.here_gb > 0 and machine.scratch_gb > 0
    assert list(advise(machine))
