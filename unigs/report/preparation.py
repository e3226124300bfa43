"""Pictures of a prepared clip, to be looked at before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from unigs.face.mesh import (
    FACE_OVAL,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    LIPS_INNER,
    LIPS_OUTER,
    NOSE_TIP,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from unigs.media.images import caption, read_image, tile, write_png
from unigs.media.video import read_video
from unigs.report.preparation_curves import draw_curves
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.progress import progress
from unigs.subject.features import HeadPoses, Landmarks, read_action_units
from unigs.subject.frame_table import FrameTable, read_frame_table
from unigs.subject.labels import COLORS, NAMES, overlay, read_labels
from unigs.subject.series import runs

SIDE = 320
"""Width and height of one picture of the sheet, px."""

COLUMNS = 8
"""Frames side by side; each is shown twice, as it is and below with what was found in it."""

SAMPLES = 23
"""Frames of the sheet."""

AXIS = 0.06
"""Length of the drawn head axes, meters."""

SUBPIXEL = 4
"""Binary digits of the fraction of a pixel with which OpenCV draws."""

LINES = (
    (FACE_OVAL, (255, 255, 255)),
    (RIGHT_BROW, (255, 190, 60)),
    (LEFT_BROW, (255, 190, 60)),
    (RIGHT_EYE, (80, 255, 120)),
    (LEFT_EYE, (80, 255, 120)),
    (RIGHT_IRIS, (60, 200, 255)),
    (LEFT_IRIS, (60, 200, 255)),
    (LIPS_OUTER, (255, 90, 120)),
    (LIPS_INNER, (255, 90, 120)),
)
"""Lines that are drawn of a face, and their colors (RGB)."""


def draw_sheet(
    video: Path,
    frame_table: Path,
    landmarks: Path,
    pose: Path,
    eyes: Path,
    labels: Path,
    background: Path,
    out: Path,
    curves: Path,
) -> None:
    """Draw a contact sheet and the curves of a prepared clip.

    The sheet shows frames over the whole clip, those removed among them: above as they are, below
    with landmark lines, head axes (right red, down green, backwards blue) and regions; last come
    the background plate and the names of the regions. The curves show pose, blink, mouth opening
    and what was kept.

    Args:
        video: the clip.
        frame_table: the clip's frame table (.csv).
        landmarks: landmarks of all frames (.npz).
        pose: head poses (.npz).
        eyes: action units (.csv).
        labels: label video.
        background: the background plate (.png).
        out: the sheet (.png).
        curves: the curves (.png).

    Raises:
        UserError: a file is missing or describes another number of frames.
    """
    table = read_frame_table(frame_table)
    marks, poses, units = Landmarks.read(landmarks), HeadPoses.read(pose), read_action_units(eyes)
    for path, rows in ((landmarks, marks), (pose, poses), (eyes, units)):
        table.check_rows(path, rows)
    pictures = _pictures(video, labels, table, marks.points, poses)
    plate = cv2.resize(read_image(background), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    pictures.append((caption(plate, "background"), legend()))
    rows: list[np.ndarray] = []
    for first in range(0, len(pictures), COLUMNS):
        block = pictures[first : first + COLUMNS]
        empty = [np.full((SIDE, SIDE, 3), 255, np.uint8)] * (COLUMNS - len(block))
        rows += [above for above, _ in block] + empty + [below for _, below in block] + empty
    write_png(out, tile(rows, COLUMNS))
    draw_curves(curves, table, marks.points, poses.head, units)


def choose_frames(table: FrameTable, count: int = SAMPLES) -> np.ndarray:
    """Frames worth a look: evenly spaced, the middles of removed ranges put in for their nearest.

    Args:
        table: the clip's frame table.
        count: most frames that are chosen.

    Returns:
        at most `count` frame numbers, increasing.
    """
    chosen = np.unique(np.linspace(0, len(table) - 1, count).round().astype(int))
    for removed in runs(~table.keep)[: count // 3]:
        middle = (removed.start + removed.stop - 1) // 2
        chosen[np.abs(chosen - middle).argmin()] = middle
    return np.unique(chosen)


def _pictures(
    video: Path, labels: Path, table: FrameTable, points: np.ndarray, poses: HeadPoses
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(as it is, with what was found) of each chosen frame."""
    chosen = set(choose_frames(table).tolist())
    pairs = []
    both = zip(read_video(video), read_labels(labels), strict=True)
    try:
        for k, (frame, label) in enumerate(progress(both, total=len(table), label="drawing")):
            if k not in chosen:
                continue
            text = f"{k} {table.split[k]}" if table.keep[k] else f"{k} removed: {table.reason[k]}"
            plain = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            marked = cv2.resize(
                overlay(frame, label, 0.35), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST
            )
            scale = SIDE / frame.shape[0]
            draw_landmarks(marked, points[k] * scale)
            draw_axes(marked, poses, k, scale)
            pairs.append((caption(plain, text), marked))
    except ValueError:
        raise UserError(
            f"{video} and {labels} differ in length: run segment_regions anew."
        ) from None
    return pairs


def legend() -> np.ndarray:
    """A picture that names the regions in their colors."""
    image = np.full((SIDE, SIDE, 3), 40, np.uint8)
    for row, (name, color) in enumerate(zip(NAMES[1:], COLORS[1:].tolist(), strict=True)):
        place = (SIDE // 8, SIDE * (row + 2) // 6)
        cv2.putText(image, name, place, cv2.FONT_HERSHEY_SIMPLEX, 1.1, color, 2, cv2.LINE_AA)
    return image


def draw_landmarks(image: np.ndarray, points: np.ndarray) -> None:
    """Draw the lines of face, brows, eyes, irises and lips, if they are known.

    Args:
        image: drawn into, uint8 RGB [H,W,3].
        points: landmarks [478,2|3], px; NaN where no face was found.
    """
    if not np.isfinite(points).all():
        return
    for ring, color in LINES:
        corners = np.round(points[list(ring), :2] * 2**SUBPIXEL).astype(np.int32)
        cv2.polylines(image, [corners], True, color, 1, cv2.LINE_AA, SUBPIXEL)


def draw_axes(image: np.ndarray, poses: HeadPoses, k: int, scale: float) -> None:
    """Draw the head axes of a frame from the tip of the nose: right, down, backwards.

    Args:
        image: drawn into, uint8 RGB [H,W,3].
        poses: head poses of the clip, with face shape and focal length.
        k: the frame.
        scale: size of `image` over the size of the clip.
    """
    rotation, shift = poses.head.R[k], poses.head.t[k]
    if not (np.isfinite(rotation).all() and np.isfinite(shift).all()):
        return
    start = poses.shape[NOSE_TIP]
    ends = np.concatenate([[start], start + AXIS * np.eye(3)]) @ rotation.T + shift
    pixels = ends[:, :2] / ends[:, 2:] * poses.focal + poses.size / 2
    corners = [tuple(int(v) for v in np.round(p * scale * 2**SUBPIXEL)) for p in pixels]
    for end, color in zip(corners[1:], ((255, 60, 60), (60, 255, 60), (80, 120, 255)), strict=True):
        cv2.line(image, corners[0], end, color, 2, cv2.LINE_AA, SUBPIXEL)


if __name__ == "__main__":
    cli.run(draw_sheet)
