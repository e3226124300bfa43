"""A made-up portrait in the layout of results, with a clip whose frames tell their numbers."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.support.pages import FRAMES, PLACES, make_page
from unigs.media.video import VideoWriter
from unigs.model.portrait import Portrait
from unigs.settings.speech import SpeechSettings
from unigs.subject.features import SpeechFeatures
from unigs.subject.frame_table import TEST, TRAIN, FrameTable

TESTED = 30
"""First test frame."""
REMOVED = 3
"""A frame that was removed."""


@dataclass
class Speaker:
    """A subject's folder and its portrait."""

    folder: Path
    portrait: Portrait

    @property
    def variant(self) -> Path:
        return self.folder / "unigs_plus"


def brightness(frame: int) -> int:
    """Gray value of a frame of the clip."""
    return 40 + 4 * frame


def make_speaker(folder: Path) -> Speaker:
    """Write results/zoe into a folder: FRAMES frames, the last ones for the test."""
    made = make_page(
        folder / "flat",
        SpeechSettings(backend="logmel"),
        {"lip_dim": 2, "members": 2, "hidden": 4},
    )
    home = folder / "results/zoe"
    for name, place in PLACES.items():
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(made.arguments[name], home / place)
    k = np.arange(FRAMES)
    words = np.where(k == REMOVED, "hands", "").astype(object)
    split = np.where(k >= TESTED, TEST, TRAIN)
    FrameTable(home / "clip/frames.csv", k / 25, k != REMOVED, words, split).write()
    # Speech that changes from frame to frame, so that the lips do.
    speech = SpeechFeatures.read(home / PLACES["speech"])
    windows = np.random.default_rng(1).normal(size=speech.windows.shape).astype(np.float32)
    replace(speech, windows=windows).write(home / PLACES["speech"])
    size = made.portrait.size
    with VideoWriter(home / "clip/video.mp4", size, size, 25, "high") as writer:
        for frame in k:
            writer.write(np.full((size, size, 3), brightness(frame), np.uint8))
    return Speaker(home, made.portrait)
