"""When a video file shows its frames, how far its sound reaches, and where ffmpeg complains.

A container's header is a promise. Files are cut off in transfer, blocks are overwritten, streams
begin late; ffmpeg then decodes what it can and succeeds. One pass through the file tells.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.media import graphs
from unigs.media.ffmpeg import damage, is_cut_off, last_line
from unigs.stage.errors import UserError

ROW = re.compile(r"([01]), +-?\d+, +(-?\d+), +(\d+), +\d+, 0x.*")
"""A row of ffmpeg's framecrc: stream, decoding time, time, duration, bytes, checksum."""


@dataclass(frozen=True)
class Timing:
    """When a source shows its frames, in seconds after the `start` that was asked for."""

    times: np.ndarray
    """N frame times and the time at which the last frame ends, float64 [N+1]."""
    sound_end: float
    """When the last packet of sound ends; 0 without sound."""
    complaints: tuple[tuple[float, str], ...]
    """Time of the frame before each complaint of ffmpeg that means damage, and its text."""
    cut_off: bool
    """Whether ffmpeg complained of a file that ends too early."""


def read_timing(video: Path, start: float | None = None, stop: float | None = None) -> Timing:
    """Decode a source once, for the times of its frames and what ffmpeg complains of.

    Frame rates in headers can be wrong and phones record variable ones, so the time of every frame
    is read.

    Args:
        video: source.
        start: first second of the source; None: its beginning.
        stop: last second of the source; None: its end.

    Raises:
        UserError: nothing can be decoded, or pixels are not square.
    """
    command = graphs.command_of(graphs.times(video, start, stop))
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    times, ends, complaints = _sorted_out(done.stdout)
    if not times:
        reason = last_line("\n".join(text for _, text in complaints))
        said = f"; ffmpeg says: {reason}" if complaints else ""
        raise UserError(
            f"{video} has no frames between start and stop{said}: correct the two, or look at the "
            "file."
        )
    aspect = re.search(r"^#sar 0: (\d+)/(\d+)", done.stdout, re.MULTILINE)
    if aspect and aspect[1] != aspect[2] and int(aspect[1]):
        raise UserError(
            f"{video} has pixels that are not square ({aspect[1]}:{aspect[2]}): convert it with "
            "ffmpeg -i IN -vf scale=iw*sar:ih,setsar=1 -crf 12 OUT.mp4"
        )
    times = np.array(times)
    step = np.median(np.diff(times)) if len(times) > 1 else 0.04
    # A stream that begins in the middle of a group of pictures cannot show its first ones.
    late = times[0] > step
    return Timing(
        np.append(times, times[-1] + step),
        max(ends, default=0.0),
        tuple(
            (max(at, 0.0), text)
            for at, text in complaints
            if damage(text) and not (late and at < 0)
        ),
        any(is_cut_off(text) for _, text in complaints),
    )


def _sorted_out(output: str) -> tuple[list[float], list[float], list[tuple[float, str]]]:
    """Times of frames, ends of packets of sound, and complaints after which frame (-1: before)."""
    bases = {
        int(stream): int(top) / int(bottom)
        for stream, top, bottom in re.findall(r"^#tb ([01]): (\d+)/(\d+)", output, re.MULTILINE)
    }
    times: list[float] = []
    ends: list[float] = []
    complaints: list[tuple[float, str]] = []
    for line in output.splitlines():
        if line.startswith("#"):
            continue
        row = ROW.search(line)
        if row:
            stream, begin, duration = map(int, row.groups())
            if stream:
                ends.append((begin + duration) * bases[1])
            else:
                times.append(begin * bases[0])
        text = line[: row.start()] if row else line
        if text.strip():
            complaints.append((times[-1] if times else -1.0, text.strip()))
    return times, ends, complaints
