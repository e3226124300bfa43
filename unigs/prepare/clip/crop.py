"""crop_clip: one square window around the person, a fixed frame rate, audio in sync."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import cv2
import numpy as np

from unigs.face.detectors import open_detectors
from unigs.face.follow import FaceFollower, face_box
from unigs.face.squares import face_height
from unigs.media.resample import clip_times, resample
from unigs.media.timing import read_timing
from unigs.media.video import VideoInfo, VideoWriter, probe, read_video
from unigs.prepare.clip.sound import cut_audio
from unigs.prepare.clip.source import check_whole
from unigs.settings.crop import CropSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, write_json
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.frame_table import FEWEST_TRAINING_FRAMES

log = logging.getLogger("unigs")

Window = tuple[int, int, int, int]
"""x, y, width, height in displayed source pixels."""

LEAST_CHANGE = 25.0
"""Gray levels by which the most changed hundredth of a face has to differ from the first look at
least once. Ten real clips reach 77 and more within seconds, a still picture that is coded coarsely
20 at most."""
LOOK_AT_MOST = 960
"""Pixels of the long side at which faces are looked for, at most."""


def crop_clip(
    video: Path,
    out: Path,
    info: Path,
    settings: CropSettings,
    crop: str = "",
    start: float | None = None,
    stop: float | None = None,
) -> None:
    """Cut a square clip of one person out of any video.

    Frame k of the clip shows the source k/fps seconds after its first frame at or after `start`
    (`unigs.media.resample`); its audio (if the source has any) begins with that frame and ends with
    the last one.

    Args:
        video: source, any frame rate, constant or not, rotated or not.
        out: clip to write (.mp4).
        info: what was done, to write (.json).
        settings: size, frame rate and framing.
        crop: "w:h:x:y" in displayed source pixels: the square to take, or an area of another shape
            in which the square is chosen. Empty: chosen in the whole picture.
        start: first second of the source; None: its beginning.
        stop: last second of the source; None: its end.

    Raises:
        UserError: unreadable, damaged, cut off, too short, no face in it, a picture that stands
            still, or a window that does not fit.
    """
    _check_settings(settings)
    if (start or 0.0) < 0 or (stop is not None and stop <= (start or 0.0)):
        last = "none" if stop is None else f"{stop:g}"
        raise UserError(
            f"start {start or 0:g} and stop {last} name no part of {video}: give the seconds at "
            "which the clip begins and, later, ends."
        )
    source = probe(video)
    area = parse_crop(crop, video, source)
    timing = read_timing(video, start, stop)
    check_whole(video, source, timing, start, stop)
    # The clip's clock starts with its first frame: a constant offset (21 ms in many .mkv and .webm)
    # is no reason to warp every frame.
    times, begin = timing.times - timing.times[0], (start or 0.0) + float(timing.times[0])
    count = len(clip_times(times, settings.fps))
    if count < FEWEST_TRAINING_FRAMES:
        raise UserError(
            f"{video} lasts {count / settings.fps:.2f} s between start and stop: training alone "
            f"needs {FEWEST_TRAINING_FRAMES / settings.fps:.1f} s of good frames, its test a tenth "
            "more, and a good portrait wants a minute or more."
        )
    window = find_window(video, area, start, stop, settings)
    if window[2] < settings.size:
        log.info("the window of %d px is enlarged to %d px", window[2], settings.size)
    seconds = count / settings.fps
    with scratch_folder() as folder:
        audio = None
        if source.has_audio:
            audio = folder / "audio.wav"
            cut_audio(video, audio, begin, stop, seconds)
        size = settings.size
        source_frames = read_video(video, crop=window, start=start, stop=stop)
        frames = resample(
            (resize(frame, size) for frame in source_frames),
            times,
            settings.fps,
            settings.tolerance_ms / 1000,
        )
        carried = []
        with (
            atomic(out) as temporary,
            VideoWriter(temporary, size, size, settings.fps, "intermediate", audio=audio) as writer,
        ):
            for number, (frame, made) in enumerate(progress(frames, count, "cropping")):
                writer.write(frame)
                carried += [number] if made else []
    if carried:
        log.info("%d of %d frames were carried to their time by optical flow", len(carried), count)
    write_json(
        info,
        {
            "source_fps": source.fps,
            "source_size": [source.width, source.height],
            "rotation": source.rotation,
            "window": list(window),
            "size": settings.size,
            "fps": settings.fps,
            "frames": count,
            "carried": carried,
            "has_audio": source.has_audio,
            "start": begin,
            "stop": begin + seconds,
        },
    )


def _check_settings(settings: CropSettings) -> None:
    if settings.size % 2 or settings.size < 64:
        raise UserError(f"size is {settings.size}: choose an even number of pixels from 64 on.")
    if not 1 <= settings.fps <= 120:
        raise UserError(f"fps is {settings.fps:g}: choose 1 to 120 frames per second.")
    if not settings.tolerance_ms >= 0:
        raise UserError(f"tolerance_ms is {settings.tolerance_ms:g}: choose 0 or more.")


def parse_crop(text: str, video: Path, source: VideoInfo) -> Window:
    """The area that "w:h:x:y" (ffmpeg's order) names; the whole picture if the text is empty.

    Raises:
        UserError: not four numbers, or outside the picture.
    """
    if not text:
        return 0, 0, source.width, source.height
    match = re.fullmatch(r"\s*(\d+):(\d+):(\d+):(\d+)\s*", text)
    if not match:
        raise UserError(f"crop '{text}' of {video} is not of the form w:h:x:y, like 270:270:135:0.")
    w, h, x, y = map(int, match.groups())
    if min(w, h) < 64 or x + w > source.width or y + h > source.height:
        raise UserError(
            f"crop '{text}' does not fit {video}, which is {source.width}x{source.height}: give "
            "w:h:x:y inside the picture, 64 pixels or more."
        )
    return x, y, w, h


def find_window(
    video: Path, area: Window, start: float | None, stop: float | None, settings: CropSettings
) -> Window:
    """The square window around all places of the face in sampled frames.

    Args:
        video: source.
        area: where the window may lie.
        start: first second of the source; None: its beginning.
        stop: last second of the source; None: its end.
        settings: how often to look, and the framing.

    Raises:
        UserError: no face in any of the frames looked at, or always the same picture.
    """
    x, y, w, h = area
    scale = min(1.0, LOOK_AT_MOST / max(w, h))
    small = (max(16, round(w * scale)), max(16, round(h * scale)))
    frames = read_video(
        video, fps=1 / settings.sample_every, crop=area, size=small, start=start, stop=stop
    )
    faces, first, change = [], None, 0.0
    detectors = open_detectors(settings.detectors, settings.detectors_model)
    with FaceFollower(detectors, confidence=settings.confidence, static=True) as follower:
        for frame in progress(frames, label="looking for the face"):
            points = follower.find(frame)
            if points is not None:
                faces.append(points / np.float32([small[0] / w, small[1] / h, scale]))
                first = (frame, face_box(points)) if first is None else first
            if first is not None:
                change = max(change, face_change(*first, frame))
    if not faces:
        raise UserError(
            f"{video} shows no face in any of the frames looked at: check the clip and its crop."
        )
    if change < LEAST_CHANGE:
        raise UserError(
            f"{video} shows a picture that stands still: a portrait learns from a face that moves; "
            "use another clip."
        )
    wx, wy, side = choose_window(np.stack(faces), w, h, settings)
    return x + wx, y + wy, side, side


def face_change(first: np.ndarray, box: np.ndarray, frame: np.ndarray) -> float:
    """How much a face has changed: the 99th percentile of its pixels' differences, gray levels.

    Args:
        first: frame uint8 [H,W,3] to compare with.
        box: x, y, width and height of the face in that frame, pixels.
        frame: another frame of the same size.
    """
    x, y = np.maximum(box[:2], 0).astype(int)
    w, h = np.ceil(box[2:]).astype(int)
    before, now = (
        cv2.cvtColor(image[y : y + h, x : x + w], cv2.COLOR_RGB2GRAY) for image in (first, frame)
    )
    return float(np.quantile(cv2.absdiff(before, now), 0.99))


def choose_window(
    faces: np.ndarray, width: int, height: int, settings: CropSettings
) -> tuple[int, int, int]:
    """One square that holds hair and shoulders of a face that moves.

    Args:
        faces: landmarks [N,478,3] in pixels.
        width: of the picture in pixels.
        height: of the picture in pixels.
        settings: margin, headroom, keep_whole.

    Returns:
        x, y and side in pixels; the square lies inside the picture.
    """
    boxes, face = face_box(faces), face_height(faces)
    # The 5 % most extreme positions may lose some margin, not set the frame for all others.
    left, top = np.quantile(boxes[:, :2], 0.05, axis=0)
    right = np.quantile(boxes[:, 0] + boxes[:, 2], 0.95)
    wander = (right - left) - float(np.median(boxes[:, 2]))
    side = round(settings.margin * face + wander)
    short = min(width, height)
    if side >= settings.keep_whole * short:
        side = short
    x = round((left + right) / 2 - side / 2)
    y = round(top - settings.headroom * face)
    return min(max(x, 0), width - side), min(max(y, 0), height - side), side


def resize(frame: np.ndarray, size: int) -> np.ndarray:
    """Scale a square uint8 frame: by area when shrinking (no aliasing), bicubic when enlarging."""
    if frame.shape[0] == size:
        return frame
    method = cv2.INTER_AREA if frame.shape[0] > size else cv2.INTER_CUBIC
    return cv2.resize(frame, (size, size), interpolation=method)


if __name__ == "__main__":
    cli.run(crop_clip)
