"""What a machine has of what the stages need: looked up, not judged (`unigs.doctor.advice`)."""

import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unigs.pretrained.catalogue import find_model, models
from unigs.stage.errors import UserError

ENCODERS = ("libx264", "aac", "ffv1")
"""Encoders of ffmpeg that the stages write with."""
SECONDS = 20
"""Seconds after which a program that was asked for its version is given up."""
GB = 1e9
"""Bytes."""


@dataclass(frozen=True)
class Machine:
    """Facts about a machine; None or an empty text where nothing was found."""

    python: tuple[int, int] = (3, 11)
    """Version of the interpreter."""
    cores: int = 8
    """Processor cores that this process may use."""
    memory_gb: float | None = 16.0
    """Memory that is free, GB."""
    torch: str = ""
    """Version of torch."""
    torch_error: str = ""
    """Why torch does not import."""
    torch_cuda: str | None = None
    """CUDA version that torch was built for; None for a CPU build."""
    gpus: tuple[str, ...] = ()
    """GPUs that torch can use."""
    gpu_error: str = ""
    """Why torch cannot use a GPU, in CUDA's words."""
    cards: tuple[str, ...] = ()
    """GPUs that nvidia-smi lists."""
    gsplat_error: str = ""
    """Why gsplat's kernels cannot be used, a sentence; looked up where there is a GPU."""
    ffmpeg: str = ""
    """Path of ffmpeg."""
    encoders: tuple[str, ...] = ENCODERS
    """Those of ENCODERS that it has."""
    opencv_error: str = ""
    """Why OpenCV does not import."""
    signing_error: str = ""
    """Why videos cannot be signed."""
    litert: str = ""
    """Version of LiteRT."""
    mediapipe: str = ""
    """Version of MediaPipe."""
    models: tuple[str, ...] = ()
    """Names of the pretrained weights that are there."""
    here_gb: float = 100.0
    """Free disk space of the working directory, GB."""
    scratch: str = tempfile.gettempdir()
    """Folder of scratch files."""
    scratch_gb: float = 100.0
    """Free space there, GB."""
    scratch_in_memory: bool = False
    """Whether that folder is kept in memory, so that scratch files take it up."""
    sbatch: bool = False
    """Whether jobs can be submitted to SLURM."""
    slurm_plugin: bool = False
    """Whether Snakemake's plugin for SLURM is installed."""
    accounting: bool = False
    """Whether sacct answers."""


def look() -> Machine:
    """Look a machine up: some seconds, on a GPU's first time the minutes that gsplat compiles."""
    scratch, torch = tempfile.gettempdir(), _torch_facts()
    sbatch = shutil.which("sbatch") is not None
    return Machine(
        python=sys.version_info[:2],
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        memory_gb=_free_memory(),
        cards=tuple(re.findall(r"^GPU \d+: (.*?)(?: \(UUID.*)?$", _says("nvidia-smi", "-L"), re.M)),
        **torch,
        gsplat_error=_gsplat_error() if torch["gpus"] else "",
        **_ffmpeg_facts(),
        opencv_error=_why_not(lambda: importlib.import_module("cv2")),
        signing_error=_why_not(lambda: importlib.import_module("c2pa")),
        litert=_version("ai-edge-litert"),
        mediapipe=_version("mediapipe"),
        models=tuple(name for name in models() if find_model(name)),
        here_gb=shutil.disk_usage(".").free / GB,
        scratch=scratch,
        scratch_gb=shutil.disk_usage(scratch).free / GB,
        scratch_in_memory=_in_memory(scratch),
        sbatch=sbatch,
        slurm_plugin=importlib.util.find_spec("snakemake_executor_plugin_slurm") is not None,
        accounting=sbatch and _answers("sacct"),
    )


def _torch_facts() -> dict[str, object]:
    """Facts about torch and the GPUs that it can use."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return {"torch_error": _last(str(error)), "gpus": ()}
    facts = {"torch": torch.__version__, "torch_cuda": torch.version.cuda, "gpus": ()}
    if torch.version.cuda is None:
        return facts
    try:
        torch.cuda.init()
        names = (torch.cuda.get_device_properties(k) for k in range(torch.cuda.device_count()))
        return facts | {"gpus": tuple(f"{p.name}, {p.total_memory / GB:.0f} GB" for p in names)}
    except (RuntimeError, AssertionError) as error:
        return facts | {"gpu_error": _last(str(error))}


def _gsplat_error() -> str:
    """Why gsplat's kernels cannot be used; they are compiled if they were never."""
    from unigs.render.cuda import load_gsplat

    try:
        load_gsplat()
    except UserError as error:
        return str(error)
    return ""


def _ffmpeg_facts() -> dict[str, object]:
    """Path and encoders of the ffmpeg that stages use."""
    from unigs.media.ffmpeg import encoders, ffmpeg_exe

    try:
        path, listed = ffmpeg_exe(), encoders()
    except UserError:
        return {"ffmpeg": "", "encoders": ()}
    return {"ffmpeg": path, "encoders": tuple(name for name in ENCODERS if name in listed)}


def _free_memory() -> float | None:
    """Memory in GB that new processes can have; None where the system does not tell."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 / GB if found else None


def _in_memory(folder: str) -> bool:
    """Whether a folder lies in a file system that is kept in memory."""
    try:
        lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return False
    path = os.path.realpath(folder)
    around = [m for m in lines if path == m[1] or path.startswith(m[1].rstrip("/") + "/")]
    return bool(around) and max(around, key=lambda m: len(m[1]))[2] in ("tmpfs", "ramfs")


def _says(*command: str) -> str:
    """What a program prints; empty where it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _answers(*command: str) -> bool:
    """Whether a program is there and succeeds."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _why_not(load: Callable[[], object]) -> str:
    """The last line of the error of an import; empty where it succeeds."""
    try:
        load()
    except (ImportError, OSError, RuntimeError) as error:
        return _last(str(error)) or type(error).__name__
    return ""


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
