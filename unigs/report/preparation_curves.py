"""Curves over a prepared clip: where the head went, when it blinked and spoke, what was kept."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from unigs.face.angles import yaw_pitch_roll
from unigs.face.lips import relative_opening
from unigs.report.palette import BLUE, GREEN, INK, OCHER, ORANGE, RED, SLATE, VIOLET
from unigs.stage.files import atomic
from unigs.subject.features import FACE_UNITS
from unigs.subject.frame_table import JUMP_CUT, TEST, FrameTable
from unigs.subject.series import runs
from unigs.subject.trajectory import RigidTrajectory

REASON_COLORS = {
    "no_face": SLATE,
    "second_face": VIOLET,
    "hands": ORANGE,
    "fade": OCHER,
    JUMP_CUT: RED,
    "head_turn": BLUE,
    "user": GREEN,
}
"""Color of every reason for which frames are removed."""


def draw_curves(
    out: Path,
    table: FrameTable,
    points: np.ndarray,
    head: RigidTrajectory,
    units: np.ndarray,
) -> None:
    """Draw angles, position, action units, mouth and the kept and removed ranges.

    Args:
        out: the picture (.png).
        table: the clip's frame table.
        points: landmarks [T,478,3], px.
        head: head poses of all frames.
        units: action units [T,7], 0 to 5.
    """
    time = table.time
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(
            5, 1, figsize=(13, 10), sharex=True, layout="constrained",
            height_ratios=(3, 3, 3, 2, 1.4),
        )  # fmt: skip
        angles = yaw_pitch_roll(head.R)
        _lines(axes[0], time, angles.T, ("yaw", "pitch", "roll"), "head angle (degrees)")
        shift = 100 * (head.t - np.nanmedian(head.t, axis=0))
        _lines(axes[1], time, shift.T, ("right", "down", "away"), "head position (cm)")
        named = dict(zip(FACE_UNITS, units.T, strict=True))
        blink = named.pop("AU45")
        colors = BLUE, ORANGE, GREEN, INK, VIOLET, SLATE
        for (name, values), color in zip(named.items(), colors, strict=True):
            axes[2].plot(time, values, color=color, lw=0.9, label=name)
        axes[2].plot(time, blink, color=RED, lw=1.4, label="AU45 (blink)")
        axes[2].set(ylabel="action units (0 to 5)", ylim=(0, 5.2))
        axes[3].plot(time, relative_opening(points), color=BLUE, lw=1.1)
        axes[3].set(ylabel="mouth opening\n(eye distances)")
        _ranges(axes[4], table)
        for axis in axes[:3]:
            axis.legend(
                ncol=6, loc="lower right", bbox_to_anchor=(1, 0.98), frameon=False, fontsize=8
            )
        for axis in axes[:4]:
            axis.grid(alpha=0.25)
            axis.margins(x=0)
            for held in runs(table.split == TEST):
                axis.axvspan(time[held.start], time[held.stop - 1], color=INK, alpha=0.15, lw=0)
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


def _ranges(axis: plt.Axes, table: FrameTable) -> None:
    """A bar of kept frames, one of each reason that occurs."""
    time = table.time
    step = float(np.median(np.diff(time))) if len(time) > 1 else 0.04
    marks = {name: table.marked(name) for name in REASON_COLORS}
    bars = {"kept": table.keep} | {name: mask for name, mask in marks.items() if mask.any()}
    for height, (name, mask) in enumerate(bars.items()):
        pieces = [(time[r.start], time[r.stop - 1] - time[r.start] + step) for r in runs(mask)]
        color = GREEN if name == "kept" else REASON_COLORS[name]
        if name == JUMP_CUT:
            starts = [first for first, _ in pieces]
            axis.plot(starts, [height] * len(starts), "|", color=color, ms=11, mew=2)
        else:
            axis.broken_barh(pieces, (height - 0.4, 0.8), color=color)
    axis.set_yticks(range(len(bars)), list(bars))
    axis.set_ylim(len(bars) - 0.4, -0.6)
