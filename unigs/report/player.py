"""The player of a subject on the page: test videos of all methods in step, figures per frame."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unigs.evaluate.runs import Run

STRIPS = {
    "psnr_full": "PSNR, dB",
    "psnr_hair": "hair, dB",
    "psnr_torso": "torso, dB",
    "psnr_band": "hair/torso band, dB",
    "psnr_mouth": "mouth, dB",
    "lpips": "LPIPS (less is better)",
    "ssim_full": "SSIM",
    "vmaf": "VMAF",
    "sharpness_hair": "sharpness of hair, of the truth's",
    "lmd": "LMD, px (less is better)",
}
"""Columns of frames.csv that the strip can show, and their words."""
DIGITS = 4
"""Significant digits of the strip's values."""


@dataclass(frozen=True)
class Method:
    """A method's test video."""

    name: str
    video: Path
    """Relative to the page."""
    values: dict[str, list[float | None]]
    """Column -> value of every test frame."""


@dataclass(frozen=True)
class Player:
    """What the player of a subject shows."""

    fps: float
    frames: list[int]
    """Numbers of the test frames in the clip."""
    methods: list[Method]

    def columns(self) -> dict[str, str]:
        """Columns that at least one method has, and their words."""
        return {k: words for k, words in STRIPS.items() if any(k in m.values for m in self.methods)}

    def data(self) -> dict:
        """What the script reads."""
        return {
            "fps": self.fps,
            "frames": self.frames,
            "columns": self.columns(),
            "methods": [{"name": m.name, "values": m.values} for m in self.methods],
        }


def player_of(found: list[tuple[Run, Path, pd.DataFrame]]) -> Player | None:
    """The player of a subject; None where no run has a video and figures per frame.

    Runs that were judged on other test frames than the first one are left out: their videos would
    not be in step.

    Args:
        found: runs with their test video, relative to the page, and their figures per frame.
    """
    methods, frames, fps = [], None, 25.0
    for run, video, table in found:
        numbers = table["frame"].tolist()
        if frames is None:
            frames, fps = numbers, float(run.metrics.get("fps", fps))
        if numbers == frames:
            methods.append(Method(run.name, video, strip_values(table)))
    return Player(fps, frames, methods) if methods else None


def strip_values(table: pd.DataFrame) -> dict[str, list[float | None]]:
    """Column -> its values, rounded; columns without any finite value are left out.

    A picture without any error has an infinite PSNR, which JSON cannot hold: such a value is None.
    """
    found = {}
    for name in STRIPS:
        values = pd.to_numeric(table[name], errors="coerce").tolist() if name in table else []
        if any(map(math.isfinite, values)):
            found[name] = [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in values]
    return found
