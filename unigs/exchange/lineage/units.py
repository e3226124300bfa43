"""au.csv: action units as OpenFace measured them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.exchange.lineage.layout import UNITS
from unigs.exchange.lineage.rows import check_rows
from unigs.prepare.face.openface import read_openface
from unigs.stage.errors import UserError
from unigs.stage.files import write_text
from unigs.subject.checks import Array, read_columns
from unigs.subject.features import FACE_UNITS
from unigs.subject.series import fill_gaps

REMEDY = (
    "make a video of the pictures (ffmpeg -framerate 25 -i gt_imgs/%d.jpg), run OpenFace's "
    "FeatureExtraction with -aus on it (a folder it would read in another order, 10.jpg before "
    "2.jpg), or have the action units measured here (--eyes ours)."
)
"""What makes the table right."""
LIPS_PART = "AU25"
"""The unit that TalkingGaussian reads beside ours, to know when the mouth is open."""


def read_units(folder: Path, pictures: int, where: Path, fps: float) -> np.ndarray:
    """Read au.csv, one row for each picture; rows in which OpenFace failed are filled.

    Args:
        folder: folder of the layout.
        pictures: number of pictures.
        where: folder of the pictures, for messages.
        fps: pictures per second.

    Returns:
        Intensities float [pictures,7] in the order of `FACE_UNITS`.

    Raises:
        UserError: it lacks a column or rows, or is of another frame rate.
    """
    path = folder / UNITS
    counters = {name: Array(gaps=True, optional=True) for name in ("frame", "timestamp")}
    table = read_columns(path, counters | {"AU45_r": Array(gaps=True)}, "OpenFace")
    check_rows(path, len(table["AU45_r"]), pictures, where, fps, 0, REMEDY)
    _check_numbers(path, table.get("frame"))
    _check_times(path, table.get("timestamp"), fps)
    values, known = read_openface(path, pictures, where)
    return fill_gaps(values, known)


def _check_numbers(path: Path, frame: np.ndarray | None) -> None:
    """Refuse frame numbers with a hole: what stands behind it is taken for earlier frames."""
    if frame is None or not np.isfinite(frame).all():
        return
    holes = np.flatnonzero(np.diff(frame) != 1)
    if len(holes):
        before, after = frame[holes[0]], frame[holes[0] + 1]
        raise UserError(
            f"{path} goes from frame {before:g} to frame {after:g}: row k must be picture k, and "
            f"rows behind the hole are shifted; {REMEDY}"
        )


def _check_times(path: Path, timestamp: np.ndarray | None, fps: float) -> None:
    """Refuse times of another frame rate."""
    if timestamp is None or len(timestamp) < 3 or not np.isfinite(timestamp).all():
        return
    # Numbers of pictures, zero or whole seconds, stand there where OpenFace read pictures.
    step = (timestamp[-1] - timestamp[0]) / (len(timestamp) - 1)
    if 0 < step < 0.5 and abs(step * fps - 1) > 0.02:
        raise UserError(
            f"{path} was measured at {1 / step:.4g} frames a second, but the pictures are taken to "
            f"be {fps:g} a second; {REMEDY}"
        )


def write_units(path: Path, units: np.ndarray, opening: np.ndarray, fps: float) -> None:
    """Write au.csv as OpenFace does, with a space before each name but the first.

    Args:
        path: the table.
        units: intensities [T,7], 0 to 5, in the order of `FACE_UNITS`.
        opening: intensity [T] of the parted lips, 0 to 5, as AU25.
        fps: rows per second.
    """
    names = ["frame", "timestamp", "confidence", "success"]
    columns = {f"{name}_r": values for name, values in zip(FACE_UNITS, units.T, strict=True)}
    columns[f"{LIPS_PART}_r"] = opening
    order = sorted(columns, key=lambda name: int(name[2:4]))
    lines = [", ".join([*names, *order])]
    for k in range(len(units)):
        cells = [f"{k + 1}", f"{k / fps:.3f}", "1.00", "1"]
        lines.append(", ".join([*cells, *(f"{columns[name][k]:.4f}" for name in order)]))
    write_text(path, "\n".join(lines) + "\n")
