"""VMAF of the rendered test frames: what Netflix's model of viewers would say of them.

Measured by ffmpeg's libvmaf, where the ffmpeg that runs has it. Its model was made for television
at 1920x1080: on small squares it is a scale between renders of one clip, no opinion of viewers.
"""

import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from unigs.evaluate.records import PORTRAIT, Record, measured
from unigs.media import graphs
from unigs.media.ffmpeg import ffmpeg_exe, run_command
from unigs.media.video import VideoWriter
from unigs.stage.files import read_json

MODEL = "vmaf_v0.6.1"
"""The model, which libvmaf carries."""
BACKEND = f"libvmaf, {MODEL}"
"""What measures VMAF, for the records."""
NOT_THERE = (
    "the ffmpeg that runs has no libvmaf: leave IMAGEIO_FFMPEG_EXE empty, so that the one of "
    "imageio-ffmpeg runs, or name one that was built with it"
)
"""Why VMAF is empty where ffmpeg cannot measure it."""


@cache
def is_there() -> bool:
    """Whether the ffmpeg that runs has libvmaf."""
    command = [ffmpeg_exe(), "-hide_banner", "-filters"]
    done = subprocess.run(command, capture_output=True, text=True)
    return "libvmaf" in done.stdout.split()


def vmaf(
    render: Path, truth: Iterable[np.ndarray], size: tuple[int, int], fps: float, scratch: Path
) -> np.ndarray | None:
    """VMAF of every frame of a render, 0 to 100, float [n]; None where ffmpeg has no libvmaf.

    Args:
        render: lossless render of the test frames.
        truth: the true test frames, uint8 [h,w,3].
        size: width and height of the frames, px.
        fps: frames per second.
        scratch: folder for files that are deleted later.

    Raises:
        UserError: ffmpeg failed.
    """
    if not is_there():
        return None
    reference, log = scratch / "truth.mkv", scratch / "vmaf.json"
    with VideoWriter(reference, *size, fps, "lossless") as writer:
        for frame in truth:
            writer.write(frame)
    graph = graphs.judged_by_vmaf(render, reference, log, MODEL, fps)
    run_command(graphs.command_of(graph), f"measure VMAF of {render}")
    return np.array([row["metrics"]["vmaf"] for row in read_json(log)["frames"]])


def vmaf_record(values: np.ndarray | None, method: str = PORTRAIT) -> Record:
    """The record of VMAF.

    Args:
        values: VMAF of every test frame; None: it was not measured.
        method: what was shown.
    """
    return measured(
        "vmaf",
        None if values is None else float(values.mean()),
        NOT_THERE,
        frames=0 if values is None else len(values),
        backend=BACKEND,
        method=method,
        how="mean of the frames, full frame at its own size; the model is for 1920x1080",
    )
