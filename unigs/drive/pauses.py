"""Pauses of a recording, in which the mouth closes."""

from __future__ import annotations

import numpy as np

from unigs.media.audio import RATE
from unigs.settings.drive import DriveSettings
from unigs.speech.loudness import block_levels, speech_level

FADE_SECONDS = 0.1
"""Seconds in which the mouth closes in a pause, and seconds between the speech and the closing."""


def pauses(
    samples: np.ndarray,
    count: int,
    fps: float,
    settings: DriveSettings,
    scores: np.ndarray | None = None,
) -> np.ndarray:
    """Weight of silence in each frame, float [count] from 0 (speech) to 1 (within a pause).

    The speech features of background noise differ from those of silence and would keep the mouth
    ajar; so pauses are found and filled with silence: by the speech features where they tell, since
    noise, music and breath are as loud as speech, else by loudness.

    Args:
        samples: the recording [n] at `RATE`.
        count: frames of the video.
        fps: frames per second.
        settings: section `drive`.
        scores: score [count] of each frame, positive where someone speaks; None: unknown.
    """
    level = speech_level(samples)
    if level is None:
        return np.ones(count)
    quiet = _soft(samples, count, fps, level - settings.pause_db) if scores is None else scores < 0
    # Distance in frames to the nearest speech, counted inside each pause.
    edges = np.flatnonzero(np.diff(np.r_[False, quiet, False].astype(int)))
    distance = np.zeros(count)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first >= settings.pause_seconds * fps:
            k = np.arange(first, last)
            before = k - first + 1 if first else np.full(len(k), np.inf)
            after = last - k if last < count else np.full(len(k), np.inf)
            distance[first:last] = np.minimum(before, after)
    return closing(distance, fps)


def closing(distance: np.ndarray | float, fps: float) -> np.ndarray | float:
    """Weight of silence, 0 to 1, at distances in frames from the nearest speech.

    Args:
        distance: frames, counted inside a pause; 0 outside.
        fps: frames per second.
    """
    fade = FADE_SECONDS * fps
    ramp = np.clip((distance - fade) / fade, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _soft(samples: np.ndarray, count: int, fps: float, limit: float) -> np.ndarray:
    """Whether each frame of `count` is softer than a limit in dB of full scale, bool [count]."""
    blocks = block_levels(samples)
    seconds = len(samples) / RATE / len(blocks) if len(samples) else 1.0
    index = np.minimum(((np.arange(count) + 0.5) / fps / seconds).astype(int), len(blocks) - 1)
    return blocks[index] < limit
