"""Figures of a candidate clip, by the stages of the preparation in a scratch folder.

The clip is cut as a portrait's would be, smaller. What a stage refuses is no error here: its
sentence is kept, and what follows from the stage stays unmeasured.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from unigs.clip_check.figures import ClipFigures
from unigs.clip_check.look import SAMPLES, look_at_regions
from unigs.clip_check.sound import listen
from unigs.face.angles import head_angles
from unigs.face.squares import face_height
from unigs.media.timing import read_timing
from unigs.media.video import probe
from unigs.prepare.clip.crop import crop_clip
from unigs.prepare.clip.screen import find_marks, make_table
from unigs.prepare.face.landmarks import detect_landmarks
from unigs.settings.crop import CropSettings
from unigs.settings.landmarks import LandmarkSettings
from unigs.settings.screen import ScreenSettings
from unigs.stage.errors import UserError
from unigs.stage.files import read_json
from unigs.stage.leftovers import scratch_folder
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import JUMP_CUT

log = logging.getLogger("unigs")

SIDE = 256
"""Side of the clip that is looked at, pixels: enough for all that is judged, and quick."""
UNEVEN = 0.25
"""Share of the median distance by which two frames may be nearer or farther from each other."""


def measure_clip(
    video: Path, crop: str = "", start: float | None = None, stop: float | None = None
) -> ClipFigures:
    """Measure a clip.

    Args:
        video: any video file.
        crop: area in source pixels, as in the sheet's column `crop`; empty: the whole picture.
        start: first second; None: its beginning.
        stop: last second; None: its end.

    Raises:
        UserError: there is no such file, or it holds no video.
    """
    info = probe(video)
    figures = ClipFigures(width=info.width, height=info.height)
    with scratch_folder() as folder:
        clip = folder / "clip.mp4"
        try:
            _measure_times(figures, video, start, stop)
            log.info("Cutting the clip ...")
            record = folder / "crop.json"
            crop_clip(video, clip, record, CropSettings(size=SIDE), crop, start, stop)
            figures.window = read_json(record)["window"][2]
            _measure_picture(figures, clip, folder)
            log.info("Listening ...")
            listen(figures, clip, folder)
        except UserError as error:
            # The sentence is about the copy that was looked at.
            figures.refused = str(error).replace(str(clip), str(video))
    return figures


def _measure_times(
    figures: ClipFigures, video: Path, start: float | None, stop: float | None
) -> None:
    times = read_timing(video, start, stop).times
    steps = np.diff(times)
    figures.seconds = float(times[-1] - times[0])
    figures.fps = float(len(steps) / figures.seconds)
    usual = float(np.median(steps))
    figures.uneven = float((np.abs(steps - usual) > UNEVEN * usual).mean())


def _measure_picture(figures: ClipFigures, clip: Path, folder: Path) -> None:
    """Face, motion, marks and regions; leaves landmarks and frame table in the folder."""
    log.info("Looking for the face in every frame ...")
    landmarks = folder / "landmarks.npz"
    detect_landmarks(clip, landmarks, LandmarkSettings())
    marks, settings = Landmarks.read(landmarks), ScreenSettings()
    seen = marks.points[marks.found]
    figures.face_height = face_height(seen) * figures.window / SIDE
    low, high = np.percentile(head_angles(seen), [5, 95], axis=0)
    figures.yaw, figures.pitch = (float(x) for x in (high - low)[:2])
    log.info("Looking for hands, other faces and cuts ...")
    time, reasons = find_marks(clip, landmarks, settings)
    angles = head_angles(marks.points)
    table = make_table(folder / "frames.csv", time, reasons, settings, angles)
    table.write()
    for name in ("no_face", "second_face", "hands", "fade", "head_turn"):
        setattr(figures, name, float(reasons[name].mean()))
    figures.cuts = [round(float(second), 2) for second in time[reasons[JUMP_CUT]]]
    figures.kept_seconds = float(table.keep.sum() / table.fps)
    usable = np.flatnonzero(table.keep)
    if len(usable) >= SAMPLES:
        log.info("Telling hair, torso and background apart ...")
        look_at_regions(figures, clip, marks, usable, folder)
