"""The sound of a clip, cut out of its source in step with the picture."""

from __future__ import annotations

import logging
from pathlib import Path

from unigs.media.audio import cut_sound, sounding
from unigs.media.ffmpeg import damage
from unigs.prepare.clip.source import SLACK

log = logging.getLogger("unigs")


def cut_audio(
    video: Path, out: Path, start: float | None, stop: float | None, seconds: float
) -> None:
    """Write the audio between start and stop as a WAV file, with silence where the source has none.

    An audio stream that begins later than the video is preceded by silence, so that sample 0
    belongs to time 0 of the clip. The log says where sound is missing or damaged.

    Args:
        video: source with an audio stream.
        out: WAV file to write.
        start: first second of the source; None: its beginning.
        stop: last second of the source; None: its end.
        seconds: exact length of the WAV file.
    """
    complaint = damage(cut_sound(video, out, start, stop, seconds))
    if complaint:
        log.warning("the sound of %s is damaged in places: ffmpeg says: %s", video, complaint)
    first, last = sounding(out)
    if first > SLACK:
        log.warning("%s is silent up to second %.1f of the clip.", video, first)
    if seconds - last > SLACK:
        log.warning("%s is silent from second %.1f of the clip on.", video, last)
