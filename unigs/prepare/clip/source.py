"""Whether a source is whole: what its header promises against what it holds."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from unigs.media.timing import Timing
from unigs.media.video import VideoInfo
from unigs.stage.errors import UserError

log = logging.getLogger("unigs")

SLACK = 1.0
"""Seconds: what a source may lack at its end, or show late, or not show, without a word."""


def check_whole(
    video: Path, info: VideoInfo, timing: Timing, start: float | None, stop: float | None
) -> None:
    """Refuse a source that is cut off or damaged; log what it shows late, or not at all.

    Args:
        video: source, for the message.
        info: its header.
        timing: what it holds between start and stop.
        start: first second of the source; None: its beginning.
        stop: last second of the source; None: its end.

    Raises:
        UserError: the source ends before its header says, or ffmpeg could not decode all of it.
    """
    first, times = start or 0.0, timing.times
    promised = min(stop or np.inf, info.duration) if info.duration > 0 else stop or 0.0
    picture_end = first + times[-1]
    reached = max(picture_end, first + timing.sound_end)
    # ffmpeg decodes ahead of what it shows, and would meet the damage at the very end.
    whole = max(np.floor(10 * (first + times[-1] - SLACK)) / 10, 0.0)
    no_promise = not info.duration > 0 and timing.cut_off
    if promised - reached > SLACK or no_promise:
        raise UserError(
            f"{video} is cut off: {_promise(info)}its picture ends at second {picture_end:.1f}; "
            f"fetch it anew, or set stop to {whole:.1f} to use what is surely there."
        )
    if timing.complaints:
        at, text = timing.complaints[0]
        raise UserError(
            f"{video} is damaged from second {first + at:.1f} on ({len(timing.complaints)} "
            f"complaints of ffmpeg, the first: {text}): fetch it anew, leave the place out by "
            "start and stop, or accept how it looks with ffmpeg -i IN -crf 12 OUT.mp4"
        )
    if times[0] > SLACK:
        log.warning("%s shows its first frame at second %.1f: the clip begins there.",
                    video, first + times[0])  # fmt: skip
    if promised - picture_end > SLACK:
        log.warning("%s shows its last frame at second %.1f of %.1f: the clip ends there.",
                    video, picture_end, promised)  # fmt: skip
    for k in np.flatnonzero(np.diff(times) > SLACK):
        log.warning(
            "%s shows no new frame from second %.1f to %.1f: the picture stands still there; "
            "take seconds %.1f-%.1f of the clip out with the column remove.",
            video, *(first + times[k : k + 2]), *(times[k : k + 2] - times[0]),
        )  # fmt: skip


def _promise(info: VideoInfo) -> str:
    return f"its header promises {info.duration:.1f} s but " if info.duration > 0 else ""
