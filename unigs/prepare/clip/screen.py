"""screen_clip: which frames of the clip count, and why the others do not."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from unigs.face.angles import head_angles
from unigs.face.detectors import open_detectors
from unigs.face.follow import face_box
from unigs.face.search import Search
from unigs.media.video import probe, read_video
from unigs.prepare.clip.cuts import block_changes, find_cuts, small_gray
from unigs.prepare.clip.given import GIVEN_MARKS, given_table
from unigs.prepare.clip.held_out import held_out, hold_out_ranges
from unigs.prepare.clip.ranges import in_ranges, parse_ranges
from unigs.settings.screen import ScreenSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.progress import progress
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import (
    FEWEST_TRAINING_FRAMES,
    JUMP_CUT,
    REASONS,
    TEST,
    TRAIN,
    FrameTable,
    reason_words,
)
from unigs.subject.series import runs

log = logging.getLogger("unigs")


def screen_clip(
    video: Path,
    landmarks: Path,
    out: Path,
    settings: ScreenSettings,
    remove: str = "",
    test: str = "",
    given: Path | None = None,
) -> None:
    """Mark the frames of the clip that a portrait must not learn from, and split the others.

    Writes `out` (.csv), one row per frame of the clip: frame, time (seconds), keep (1 or 0), reason
    (words of REASONS joined by "+", or empty), split (train or test). Nothing is dropped or
    renumbered. A jump_cut marks the first frame after a cut; it separates segments and removes
    nothing.

    Args:
        video: the clip.
        landmarks: landmarks of the clip (.npz).
        out: frame table to write (.csv).
        settings: limits, persistence and split.
        remove: the user's own ranges in seconds of the clip, like "12.0-14.5,30-31".
        test: ranges in seconds of the clip that are held out for the test, in place of those that
            the settings choose; empty: the settings choose. A given split stays as it is.
        given: frame table of an import, whose frames and split are kept (.csv).

    Raises:
        UserError: lengths differ, ranges cannot be read, or too few frames are left.
    """
    cv2.setNumThreads(1)  # the pictures are small
    unwanted, tested = parse_ranges(remove, "remove"), parse_ranges(test, "test")
    time, reasons = find_marks(video, landmarks, settings)
    reasons["user"] = in_ranges(time, unwanted)
    if given is None:
        angles = head_angles(Landmarks.read(landmarks).points)
        table = make_table(out, time, reasons, settings, angles)
        table = hold_out_ranges(table, tested, video) if tested else table
    else:
        added = {name: reasons[name] for name in GIVEN_MARKS}
        table = given_table(given, out, landmarks, ~reasons["no_face"], added)
    check_enough(table, video, settings)
    table.write()


def check_enough(table: FrameTable, video: Path, settings: ScreenSettings) -> None:
    """Log how many frames are kept; refuse a table that keeps too few to train on.

    Args:
        table: frame table of the clip.
        video: the clip, for the message.
        settings: share of the test part.

    Raises:
        UserError: fewer than `FEWEST_TRAINING_FRAMES` training frames are left.
    """
    kept, fps = int(table.keep.sum()), table.fps
    sums = {name: int(table.marked(name).sum()) for name in REASONS}
    counts = ", ".join(f"{name} {count}" for name, count in sums.items() if count)
    log.info("%d of %d frames kept; %s", kept, len(table), counts or "nothing marked")
    if len(table.frames(TRAIN)) < FEWEST_TRAINING_FRAMES:
        needed = FEWEST_TRAINING_FRAMES / (1 - settings.test_share) / fps
        raise UserError(
            f"{video}: only {kept} of {len(table)} frames ({kept / fps:.1f} s) are usable "
            f"({counts or 'nothing marked'}): at least {np.ceil(10 * needed) / 10:.1f} s are "
            f"needed for {FEWEST_TRAINING_FRAMES} training frames and the test; loosen the limits "
            "of `screen` or use a longer or cleaner clip."
        )


def find_marks(
    video: Path, landmarks: Path, settings: ScreenSettings
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What the pictures of a clip say about its frames.

    Args:
        video: the clip.
        landmarks: landmarks of the clip (.npz).
        settings: limits and persistence.

    Returns:
        Seconds of every frame [T], and bool [T] for each of `REASONS`, of which none is the user's.

    Raises:
        UserError: the files differ in length, or one cannot be read.
    """
    fps, marks = probe(video).fps, Landmarks.read(landmarks)
    faces, found = marks.points, marks.found
    hands, seconds, contrast, blocks = look_through(video, faces, found, settings)
    if len(blocks) != len(found):
        raise UserError(
            f"{video} has {len(blocks)} frames but {landmarks} has {len(found)} rows: "
            "run detect_landmarks on this clip again."
        )
    return np.arange(len(found)) / fps, {
        "no_face": ~found,
        "second_face": settle(seconds, fps, settings),
        "hands": settle(hands, fps, settings),
        "fade": settle(fading(contrast, settings), fps, settings),
        JUMP_CUT: find_cuts(blocks, settings),
        "head_turn": settle(turned(faces, settings), fps, settings),
        "user": np.zeros(len(found), bool),
    }


def look_through(
    video: Path, faces: np.ndarray, found: np.ndarray, settings: ScreenSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One pass over the frames: hands, second faces, contrast, differences between frames.

    Args:
        video: the clip.
        faces: landmarks [T,478,3] in pixels.
        found: [T] bool, frames with a face.
        settings: confidences and how often to look.

    Returns:
        hands: [T] bool;
        second faces: [T] bool;
        contrast: standard deviation of the gray levels [T];
        blocks: mean absolute gray difference to the frame before in each block [T,CUT_GRID**2],
        zero in the first row.
    """
    contrast, blocks, previous = [], [], None

    def beside(frame: np.ndarray, number: int) -> bool:
        own = faces[number] if number < len(found) and found[number] else None
        return other_face(face_finder.find(frame), own, settings)

    detectors = open_detectors(settings.detectors, settings.detectors_model)
    with (
        detectors.hands(static=False, confidence=settings.hand_confidence) as hand_finder,
        detectors.boxes(confidence=settings.face_confidence) as face_finder,
    ):
        hands = Search(lambda frame, _: _shows_hand(hand_finder.find(frame), frame.shape),
                       settings.every)  # fmt: skip
        seconds = Search(beside, settings.every)
        for frame in progress(read_video(video), total=len(found), label="screening"):
            hands.add(frame)
            seconds.add(frame)
            gray = small_gray(frame)
            contrast.append(float(gray.std()))
            blocks.append(block_changes(gray, gray if previous is None else previous))
            previous = gray
    return (
        np.array(hands.marks, bool),
        np.array(seconds.marks, bool),
        np.array(contrast),
        np.array(blocks),
    )


def _shows_hand(joints: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether at least a few joints of one hand lie inside the picture."""
    height, width = shape[:2]
    x, y = joints[..., 0], joints[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return bool((inside.sum(-1) >= 5).any())


def other_face(boxes: np.ndarray, own: np.ndarray | None, settings: ScreenSettings) -> bool:
    """Whether one of the boxes [N,5] is a face beside the person's own landmarks [478,3]."""
    if own is None:
        return len(boxes) > 1
    x, y, w, h = face_box(own)
    away_x = np.abs(boxes[:, 0] + boxes[:, 2] / 2 - (x + w / 2))
    away_y = np.abs(boxes[:, 1] + boxes[:, 3] / 2 - (y + h / 2))
    elsewhere = (away_x > 0.6 * w) | (away_y > 0.6 * h)
    return bool((elsewhere & (boxes[:, 2] >= settings.second_face_size * w)).any())


def turned(faces: np.ndarray, settings: ScreenSettings) -> np.ndarray:
    """Frames [T] bool in which the head is turned too far from its median direction."""
    angles = head_angles(faces)[:, :2]
    if not np.isfinite(angles).any():
        return np.zeros(len(faces), bool)
    off = np.abs(angles - np.nanmedian(angles, axis=0))
    excess = np.nan_to_num((off - [settings.max_yaw, settings.max_pitch]).max(1), nan=-np.inf)
    return _hysteresis(excess > 0, excess > -settings.hysteresis)


def fading(contrast: np.ndarray, settings: ScreenSettings) -> np.ndarray:
    """Frames [T] bool that fade in or out, from the standard deviation [T] of their gray levels."""
    share = contrast / max(float(np.median(contrast)), 1e-6)
    return _hysteresis(share < settings.fade, share < 0.5 * (1 + settings.fade))


def _hysteresis(strong: np.ndarray, weak: np.ndarray) -> np.ndarray:
    """The spans of `weak` [T] bool that contain a frame of `strong` [T] bool."""
    chosen = np.zeros(len(weak), bool)
    for span in runs(weak):
        chosen[span] = strong[span].any()
    return chosen


def settle(marked: np.ndarray, fps: float, settings: ScreenSettings) -> np.ndarray:
    """Clean marks [T] bool in time: drop short ones, close short gaps, widen by the margin."""
    lasting = [
        span for span in runs(marked) if span.stop - span.start >= settings.persistence * fps
    ]
    settled, margin = np.zeros(len(marked), bool), round(settings.margin * fps)
    for span in lasting:
        settled[max(0, span.start - margin) : span.stop + margin] = True
    for before, after in pairwise(lasting):
        if after.start - before.stop <= settings.gap * fps:
            settled[before.stop : after.start] = True
    return settled


def make_table(
    path: Path,
    time: np.ndarray,
    reasons: dict[str, np.ndarray],
    settings: ScreenSettings,
    angles: np.ndarray,
) -> FrameTable:
    """The frame table of a clip.

    Args:
        path: file that the table will stand in.
        time: seconds of every frame [T].
        reasons: bool [T] for each of `REASONS`.
        settings: share and place of the test part.
        angles: yaw, pitch and roll of the head [T,3], degrees, which say what a test part of unseen
            poses is; NaN without a face.

    Raises:
        UserError: the settings of the test part do not fit together.
    """
    keep = ~np.any([reasons[name] for name in REASONS if name != JUMP_CUT], axis=0)
    split = np.where(held_out(keep, settings, angles), TEST, TRAIN)
    return FrameTable(path, time, keep, reason_words(reasons), split)


if __name__ == "__main__":
    cli.run(screen_clip)
