"""What a machine's facts mean for somebody who wants a portrait, and what to do about each.

The limits stand with their reasons in docs/doctor.md.
"""

from collections.abc import Iterator

from unigs.doctor.finding import LOOK, OK, STOP, Finding
from unigs.doctor.machine import ENCODERS, Machine
from unigs.pretrained.auto import DETECTORS
from unigs.pretrained.catalogue import models

MEDIAPIPE = "0.10.14"
"""Release of MediaPipe that is a carrier of its own; those from 0.10.30 on carry no networks."""
FEW_CORES = 2
"""Fewer processor cores than this make a first look a matter of half an hour."""
LEAST_MEMORY_GB = 4.0
"""Free memory in GB that the preparation of ten minutes of video needs."""
LEAST_DISK_GB = 2.0
"""Free space in GB of the working directory that a portrait's results need."""
LEAST_SCRATCH_GB, USUAL_SCRATCH_GB = 4.0, 14.0
"""Free space in GB for decoded frames of ten minutes of video, at 256x256 and at 480x480."""


def advise(machine: Machine) -> Iterator[Finding]:
    """Judge the facts, the gravest kinds first.

    Args:
        machine: what was looked up.
    """
    yield Finding("Python", f"{machine.python[0]}.{machine.python[1]}")
    yield from _programs(machine)
    yield _gpu(machine)
    yield from _weights(machine)
    yield from _room(machine)
    yield _cluster(machine)


def _programs(machine: Machine) -> Iterator[Finding]:
    """Torch, OpenCV, what finds faces, ffmpeg and its encoders, what signs videos."""
    if not machine.torch:
        yield Finding(
            "torch",
            f"does not import ({machine.torch_error})",
            "nothing is trained or rendered",
            "install the build for this machine: https://pytorch.org/get-started/locally",
            STOP,
        )
    if machine.opencv_error:
        yield Finding(
            "OpenCV",
            f"does not import ({machine.opencv_error})",
            "no picture is read; a windowed build, which wants X libraries, may have taken the "
            "place of the headless one",
            "pip uninstall -y opencv-python opencv-contrib-python, then pip install "
            "--force-reinstall --no-deps opencv-python-headless",
            STOP,
        )
    yield _detectors(machine)
    yield _ffmpeg(machine)
    if machine.signing_error:
        yield Finding(
            "c2pa-python",
            f"does not import ({machine.signing_error})",
            "talking videos get no signed manifest, only metadata and the visible mark",
            "pip install --force-reinstall --no-deps c2pa-python",
            LOOK,
        )


def _detectors(machine: Machine) -> Finding:
    """Who finds faces: LiteRT with the catalogue's networks, or a mediapipe that has its own."""
    if machine.litert and DETECTORS in machine.models:
        return Finding("Detectors", f"LiteRT {machine.litert}")
    if machine.mediapipe == MEDIAPIPE:
        return Finding("Detectors", f"mediapipe {machine.mediapipe}")
    costs = "no face is found, so no clip can be prepared"
    if not machine.litert:
        return Finding("Detectors", "LiteRT is missing", costs, "pip install ai-edge-litert", STOP)
    return Finding(
        "Detectors",
        f"the networks {DETECTORS} are missing",
        costs,
        f"unigs models fetch {DETECTORS} (unigs demo and unigs portrait do it by themselves)",
        STOP,
    )


def _ffmpeg(machine: Machine) -> Finding:
    missing = [name for name in ENCODERS if name not in machine.encoders]
    remedy = (
        "pip install --force-reinstall imageio-ffmpeg, which carries a complete one, or let "
        "IMAGEIO_FFMPEG_EXE name another"
    )
    if not machine.ffmpeg:
        return Finding("ffmpeg", "is missing", "no video is read or written", remedy, STOP)
    if missing:
        return Finding(
            "ffmpeg",
            f"{machine.ffmpeg} has no encoder {', '.join(missing)}",
            "clips, labels or talking videos cannot be written",
            remedy,
            STOP,
        )
    return Finding("ffmpeg", f"{machine.ffmpeg}, with {', '.join(ENCODERS)}")


def _gpu(machine: Machine) -> Finding:
    """Why the CPU computes, or that a GPU does."""
    slow = "the CPU computes: a first look takes minutes, the preset paper most of a day"
    if machine.gpus and machine.gsplat_error:
        return Finding(
            "GPU",
            f"{'; '.join(machine.gpus)}, but {machine.gsplat_error}",
            "a training with device auto stops with that sentence",
            "a wheel of gsplat for this torch and CUDA, or nvcc of CUDA "
            f"{machine.torch_cuda} on PATH (docs/gpu.md); until then device: cpu in the sections "
            "static, dynamic, evaluate and drive",
            STOP,
        )
    if machine.gpus:
        return Finding("GPU", f"{'; '.join(machine.gpus)}, with gsplat's kernels")
    if machine.cards and machine.torch and machine.torch_cuda is None:
        return Finding(
            "GPU",
            f"{'; '.join(machine.cards)}, but torch {machine.torch} is a build for CPUs",
            slow,
            "install torch's CUDA build (docs/gpu.md)",
            LOOK,
        )
    if machine.cards or machine.gpu_error:
        why = machine.gpu_error or "torch sees none"
        return Finding(
            "GPU",
            f"torch {machine.torch} for CUDA {machine.torch_cuda} cannot use one ({why})",
            slow,
            "compare the driver's CUDA version, which nvidia-smi prints, with torch's: update the "
            "driver, or install a torch for an older CUDA; look at CUDA_VISIBLE_DEVICES, too",
            LOOK,
        )
    cores = f"none; {machine.cores} processor cores"
    if machine.cores < FEW_CORES:
        return Finding(
            "GPU",
            cores,
            "the CPU computes, one job at a time: a first look takes half an hour",
            "use the preset preview, or a machine with more cores",
            LOOK,
        )
    return Finding(
        "GPU", f"{cores}, on which a first look takes minutes and the preset paper most of a day"
    )


def _weights(machine: Machine) -> Iterator[Finding]:
    """Pretrained weights that setup fetches, each; the others together."""
    there = [name for name in models() if name in machine.models]
    if there:
        yield Finding("Weights", f"{', '.join(there)}")
    for name, model in models().items():
        # Whether the detectors' are missed is told with the detectors.
        if model.default and name not in (*machine.models, DETECTORS):
            yield Finding(
                "Weights",
                f"{name} is not there",
                model.without,
                f"unigs models fetch {name}",
                LOOK,
            )
    more = [name for name, m in models().items() if not m.default and name not in machine.models]
    if more:
        words = f"{', '.join(more)} can be had as well: unigs models says what each buys"
        yield Finding("Weights", words)


def _room(machine: Machine) -> Iterator[Finding]:
    """Memory, disk and scratch space."""
    if machine.memory_gb is not None:
        short = machine.memory_gb < LEAST_MEMORY_GB
        yield Finding(
            "Memory",
            f"{machine.memory_gb:.0f} GB free",
            "jobs on ten minutes of video need 4 GB and may be killed" if short else "",
            "run one job at a time (--cores 1), or use a shorter clip" if short else "",
            LOOK if short else OK,
        )
    short = machine.here_gb < LEAST_DISK_GB
    yield Finding(
        "Disk",
        f"{machine.here_gb:.0f} GB free in this folder",
        "results of a portrait take up to 2 GB" if short else "",
        "make room, or work in another folder" if short else "",
        LOOK if short else OK,
    )
    yield _scratch(machine)


def _scratch(machine: Machine) -> Finding:
    words = f"{machine.scratch_gb:.0f} GB free in {machine.scratch}"
    remedy = "let TMPDIR name a folder on a disk"
    if machine.scratch_in_memory:
        return Finding(
            "Scratch",
            f"{words}, which is kept in memory",
            "decoded frames of a training (14 GB for ten minutes at 480x480) take memory up",
            remedy,
            LOOK,
        )
    if machine.scratch_gb < USUAL_SCRATCH_GB:
        size = "256x256 (4 GB)" if machine.scratch_gb < LEAST_SCRATCH_GB else "480x480 (14 GB)"
        return Finding(
            "Scratch", words, f"decoded frames of ten minutes at {size} do not fit", remedy, LOOK
        )
    return Finding("Scratch", words)


def _cluster(machine: Machine) -> Finding:
    if not machine.sbatch:
        return Finding("SLURM", "none: jobs run on this machine")
    if not machine.slurm_plugin:
        return Finding(
            "SLURM",
            "sbatch is there, and Snakemake's plugin is not",
            "jobs run on this machine alone",
            "pip install snakemake-executor-plugin-slurm",
            LOOK,
        )
    words = "sbatch and Snakemake's plugin are there"
    if not machine.accounting:
        words += "; sacct does not answer, so keep slurm-status-command: squeue in the profile"
    return Finding("SLURM", f"{words}: fill in a copy of workflow/profiles/slurm")
