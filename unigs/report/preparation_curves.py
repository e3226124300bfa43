"""Curves over a prepared clip: where the head went, when it blinked and spoke, what was kept."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from unigs.face.mesh import LEFT_EYE_CORNERS, MOUTH_OPENING, RIGHT_EYE_CORNERS
from unigs.report.palette import BLUE, GREEN, INK, OCHER, ORANGE, RED, SLATE, VIOLET
from unigs.stage.files import atomic

REASON_COLORS = {
    "no_face": SLATE,
    "second_face": VIOLET,
    "hands": ORANGE,
    "fade": OCHER,
    "jump_cut": RED,
    "head_turn": BLUE,
    "user": GREEN,
}
"""Color of every reason for which frames are removed."""


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """Distance of the inner lips as a share of the distance of the eyes' outer corners.

    Args:
        points: landmarks [T,478,2|3], px.

    Returns:
        float [T].
    """
    upper, lower = np.array(MOUTH_OPENING).T
    gap = np.linalg.norm(points[:, upper] - points[:, lower], axis=-1).mean(1)
    eyes = points[:, RIGHT_EYE_CORNERS[0]] - points[:, LEFT_EYE_CORNERS[0]]
    return gap / np.linalg.norm(eyes, axis=-1)


def turns(rotations: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll of rotations, with the signs of `head_angles`.

    Args:
        rotations: R of x_cam = R x + t, [T,3,3].

    Returns:
        float [T,3], degrees.
    """
    forward = rotations[:, :, 2]
    yaw = np.arctan2(-forward[:, 0], forward[:, 2])
    pitch = np.arcsin(np.clip(-forward[:, 1], -1, 1))
    roll = np.arctan2(rotations[:, 1, 0], rotations[:, 0, 0])
    return np.degrees(np.stack([yaw, pitch, roll], 1))


def draw_curves(
    out: Path,
    table: pd.DataFrame,
    points: np.ndarray,
    poses: dict[str, np.ndarray],
    units: pd.DataFrame,
) -> None:
    """Draw angles, position, action units, mouth and the kept and removed ranges.

    Args:
        out: the picture (.png).
        table: the clip's frame table.
        points: landmarks [T,478,3], px.
        poses: R [T,3,3], and t [T,3] in meters.
        units: action units, one row per frame.
    """
    time = table["time"].to_numpy()
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(
            5, 1, figsize=(13, 10), sharex=True, layout="constrained",
            height_ratios=(3, 3, 3, 2, 1.4),
        )  # fmt: skip
        angles = turns(poses["R"])
        _lines(axes[0], time, angles.T, ("yaw", "pitch", "roll"), "head angle (degrees)")
        shift = 100 * (poses["t"] - np.nanmedian(poses["t"], axis=0))
        _lines(axes[1], time, shift.T, ("right", "down", "away"), "head position (cm)")
        others = [name for name in units.columns if name.startswith("AU") and name != "AU45"]
        for name, color in zip(others, (BLUE, ORANGE, GREEN, INK, VIOLET), strict=False):
            axes[2].plot(time, units[name], color=color, lw=0.9, label=name)
        axes[2].plot(time, units["AU45"], color=RED, lw=1.4, label="AU45 (blink)")
        axes[2].set(ylabel="action units (0 to 5)", ylim=(0, 5.2))
        axes[3].plot(time, mouth_opening(points), color=BLUE, lw=1.1)
        axes[3].set(ylabel="mouth opening\n(eye distances)")
        _ranges(axes[4], table)
        for axis in axes[:3]:
            axis.legend(
                ncol=6, loc="lower right", bbox_to_anchor=(1, 0.98), frameon=False, fontsize=8
            )
        for axis in axes[:4]:
            axis.grid(alpha=0.25)
            axis.margins(x=0)
            for first, last in _spans((table["split"] == "test").to_numpy()):
                axis.axvspan(time[first], time[last], color=INK, alpha=0.15, lw=0)
        axes[4].set(xlabel="time (s); shaded: held out for the test")
        with atomic(out) as temporary:
            figure.savefig(temporary, dpi=110)
        plt.close(figure)


def _lines(
    axis: plt.Axes, time: np.ndarray, rows: np.ndarray, names: tuple[str, ...], label: str
) -> None:
    for row, name, color in zip(rows, names, (BLUE, ORANGE, GREEN), strict=True):
        axis.plot(time, row, color=color, lw=1.1, label=name)
    axis.set_ylabel(label)


def _spans(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(first, last - 1) for first, last in edges.reshape(-1, 2)]


def _ranges(axis: plt.Axes, table: pd.DataFrame) -> None:
    """A bar of kept frames, one of each reason that occurs."""
    time = table["time"].to_numpy()
    step = float(np.median(np.diff(time))) if len(time) > 1 else 0.04
    words = table["reason"].str.split("+")
    present = [name for name in REASON_COLORS if words.map(lambda row, n=name: n in row).any()]
    bars = {"kept": (table["keep"] == 1).to_numpy()}
    bars |= {name: words.map(lambda row, n=name: n in row).to_numpy() for name in present}
    for height, (name, mask) in enumerate(bars.items()):
        pieces = [(time[a], time[b] - time[a] + step) for a, b in _spans(mask)]
        color = GREEN if name == "kept" else REASON_COLORS[name]
        if name == "jump_cut":
            starts = [first for first, _ in pieces]
            axis.plot(starts, [height] * len(starts), "|", color=color, ms=11, mew=2)
        else:
            axis.broken_barh(pieces, (height - 0.4, 0.8), color=color)
    axis.set_yticks(range(len(bars)), list(bars))
    axis.set_ylim(len(bars) - 0.4, -0.6)
