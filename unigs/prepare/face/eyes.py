"""measure_eyes: action units of eyes and smile, 0 to 5 as OpenFace gives them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.face.action_units import action_units
from unigs.prepare.face.openface import read_openface
from unigs.pretrained.auto import LANDMARKER
from unigs.pretrained.catalogue import model_path, not_there
from unigs.settings.eyes import EyeSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.subject.features import FACE_UNITS, Landmarks, write_action_units
from unigs.subject.frame_table import read_frame_table
from unigs.subject.series import fill_gaps

log = logging.getLogger("unigs")

STRONGEST = 5.0
"""Largest intensity of an action unit."""


def measure_eyes(
    landmarks: Path,
    out: Path,
    settings: EyeSettings,
    frame_table: Path | None = None,
    openface: Path | None = None,
) -> None:
    """Measure AU01, 04, 05, 06, 07, 45 and 12 in every frame of the clip.

    Frames without a face are filled between their neighbors, so that no later stage meets a gap;
    the frame table says that they do not count.

    Args:
        landmarks: landmarks of the clip (.npz).
        out: table to write (.csv): columns frame, AU01 .. AU45, AU12 (0 to 5), one row per frame
            of the clip.
        settings: back-end and smoothing.
        frame_table: frame table of the clip, whose kept training frames set the scale of the units,
            so that no test frame sets its own, and within whose parts units are smoothed. None: all
            frames set it, and all are one part.
        openface: CSV that OpenFace or pyfaceau wrote for the clip, for the back-end openface.

    Raises:
        UserError: a file is missing, or is of another clip.
    """
    marks = Landmarks.read(landmarks)
    if not marks.found.any():
        raise UserError(f"{landmarks} holds no face in any frame: check the clip.")
    usable = parts = fps = None
    if frame_table is not None:
        table = read_frame_table(frame_table)
        table.check_rows(landmarks, marks)
        usable, parts, fps = table.teaches, table.parts, table.fps
    clip = Clip(marks, landmarks, usable, parts, openface, fps)
    units, known = BACKENDS[settings.backend](clip, settings)
    units = np.clip(fill_gaps(units, known), 0.0, STRONGEST)
    shut = units[:, FACE_UNITS.index("AU45")] > STRONGEST / 2
    blinks = int((np.diff(shut.astype(int)) == 1).sum())
    log.info("%s: %d frames, %d blinks", settings.backend, len(units), blinks)
    write_action_units(out, units)


@dataclass(frozen=True)
class Clip:
    """What a back-end may read of a clip."""

    marks: Landmarks
    """Landmarks of every frame."""
    path: Path
    """File that the landmarks stand in, for messages."""
    usable: np.ndarray | None
    """Frames that set the scale of the units, bool [T]; None: all."""
    parts: np.ndarray | None
    """Number of every frame's part, int [T], within which units are smoothed; None: one part."""
    openface: Path | None
    """CSV that OpenFace wrote for the clip."""
    fps: float | None
    """Frames per second; None where no frame table tells them."""


def from_landmarks(clip: Clip, settings: EyeSettings) -> tuple[np.ndarray, np.ndarray]:
    """Units [T,7] from the landmarks, and the frames [T] whose units are known."""
    units = action_units(clip.marks.points, settings.smooth, clip.usable, clip.parts)
    return np.stack([units[name] for name in FACE_UNITS], axis=1), clip.marks.found


def from_openface(clip: Clip, settings: EyeSettings) -> tuple[np.ndarray, np.ndarray]:
    """Units [T,7] as OpenFace measured them, and the frames [T] in which it succeeded.

    Raises:
        UserError: its table is not given, or does not fit the clip.
    """
    if clip.openface is None:
        raise UserError("the back-end openface needs --openface FILE.csv of this clip.")
    return read_openface(clip.openface, len(clip.marks), clip.path, FACE_UNITS, clip.fps)


def from_blendshapes(clip: Clip, settings: EyeSettings) -> tuple[np.ndarray, np.ndarray]:
    """Units [T,7] from the 52 blendshapes, and the frames [T] whose units are known.

    AU06 and AU12 are those of the landmarks: no blendshape tells of the cheeks, and one that tells
    of a smile would follow every syllable.
    """
    # The other back-ends start without a runtime of networks.
    from unigs.face.blendshapes import blendshape_units, blendshapes, read_blendshapes

    path = Path(settings.model) if settings.model else model_path(LANDMARKER)
    if not settings.model and not path.is_file():
        raise UserError(not_there(LANDMARKER))
    scores = blendshapes(read_blendshapes(path), clip.marks.points)
    told = blendshape_units(scores, settings.smooth, clip.usable, clip.parts)
    units, known = from_landmarks(clip, settings)
    for column, name in enumerate(FACE_UNITS):
        units[:, column] = told.get(name, units[:, column])
    return units, known


BACKENDS = {
    "landmarks": from_landmarks,
    "openface": from_openface,
    "blendshapes": from_blendshapes,
}
"""Every source of action units by the name that the setting eyes.backend gives it."""


if __name__ == "__main__":
    cli.run(measure_eyes)
