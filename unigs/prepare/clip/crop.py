"""crop_clip: one square window around the person, a fixed frame rate, audio in sync."""

from __future__ import annotations

import logging
import re
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from unigs.face.follow import FaceFollower, face_box
from unigs.face.mesh import CHIN, FOREHEAD
from unigs.media.ffmpeg import ffmpeg_exe, file_address, last_line, run_ffmpeg
from unigs.media.resample import clip_times, resample
from unigs.media.video import VideoInfo, VideoWriter, probe, read_video
from unigs.settings.crop import CropSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, write_json
from unigs.stage.progress import progress

log = logging.getLogger("unigs")

Window = tuple[int, int, int, int]
"""x, y, width, height in displayed source pixels."""

SHORTEST_SECONDS = 2.0
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

    Frame k of the clip shows the source at start + k/fps seconds (`unigs.media.resample`);
    its audio (if the source has any) begins at `start` and ends with the last frame.

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
        UserError: unreadable, too short, no face in it, or a window that does not fit.
    """
    _check_settings(settings)
    source = probe(video)
    area = parse_crop(crop, video, source)
    times = source_times(video, start, stop)
    count = len(clip_times(times, settings.fps))
    if count < SHORTEST_SECONDS * settings.fps:
        raise UserError(
            f"{video} lasts {count / settings.fps:.2f} s between start and stop: at least "
            f"{SHORTEST_SECONDS:g} s are needed, and a good portrait wants a minute or more."
        )
    window = find_window(video, area, start, stop, settings)
    if window[2] < settings.size:
        log.info("the window of %d px is enlarged to %d px", window[2], settings.size)
    seconds = count / settings.fps
    with tempfile.TemporaryDirectory() as folder:
        audio = None
        if source.has_audio:
            audio = Path(folder) / "audio.wav"
            cut_audio(video, audio, start, stop, seconds)
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
            VideoWriter(temporary, size, size, settings.fps, "high", audio=audio) as writer,
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
            "start": start or 0.0,
            "stop": (start or 0.0) + seconds,
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


def source_times(video: Path, start: float | None = None, stop: float | None = None) -> np.ndarray:
    """Times at which the source shows its frames, in seconds after `start`.

    Frame rates in headers can be wrong and phones record variable ones, so the time of every frame
    is read.

    Args:
        video: source.
        start: first second of the source; None: its beginning.
        stop: last second of the source; None: its end.

    Returns:
        [N+1] float64: N frame times and the time at which the last frame ends.

    Raises:
        UserError: nothing can be decoded, or pixels are not square.
    """
    command = [ffmpeg_exe(), "-v", "error", "-nostdin"]
    command += ["-ss", f"{start}"] if start else []
    command += ["-to", f"{stop}"] if stop else []
    command += ["-i", file_address(video), "-map", "0:v:0", "-fps_mode", "passthrough"]
    command += ["-enc_time_base", "1/90000", "-f", "framecrc", "-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    rows = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    if done.returncode or not rows:
        reason = last_line(done.stderr)
        raise UserError(f"{video} has no frames between start and stop; ffmpeg says: {reason}")
    aspect = re.search(r"^#sar 0: (\d+)/(\d+)", done.stdout, re.MULTILINE)
    if aspect and aspect[1] != aspect[2] and int(aspect[1]):
        raise UserError(
            f"{video} has pixels that are not square ({aspect[1]}:{aspect[2]}): convert it with "
            "ffmpeg -i IN -vf scale=iw*sar:ih,setsar=1 -crf 12 OUT.mp4"
        )
    base = re.search(r"^#tb 0: (\d+)/(\d+)", done.stdout, re.MULTILINE)
    times = np.array([float(row[2]) for row in rows]) * int(base[1]) / int(base[2])
    step = np.median(np.diff(times)) if len(times) > 1 else 0.04
    return np.append(times, times[-1] + step)


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
        UserError: no face in any of the frames looked at.
    """
    x, y, w, h = area
    scale = min(1.0, LOOK_AT_MOST / max(w, h))
    small = (max(16, round(w * scale)), max(16, round(h * scale)))
    frames = read_video(
        video, fps=1 / settings.sample_every, crop=area, size=small, start=start, stop=stop
    )
    faces = []
    with FaceFollower(confidence=settings.confidence, static=True) as follower:
        for frame in progress(frames, label="looking for the face"):
            points = follower.find(frame)
            if points is not None:
                faces.append(points / np.float32([small[0] / w, small[1] / h, scale]))
    if not faces:
        raise UserError(
            f"{video} shows no face in any of the frames looked at: check the clip and its crop."
        )
    wx, wy, side = choose_window(np.stack(faces), w, h, settings)
    return x + wx, y + wy, side, side


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
    boxes = face_box(faces)
    length = np.linalg.norm((faces[:, CHIN] - faces[:, FOREHEAD]), axis=1)
    face = float(np.median(np.maximum(length, boxes[:, 3])))
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


def cut_audio(
    video: Path, out: Path, start: float | None, stop: float | None, seconds: float
) -> None:
    """Write the audio between start and stop as a WAV file, with silence where the source has none.

    An audio stream that begins later than the video is preceded by silence, so that sample 0
    belongs to time 0 of the clip.

    Args:
        video: source with an audio stream.
        out: WAV file to write.
        start: first second of the source; None: its beginning.
        stop: last second of the source; None: its end.
        seconds: exact length of the WAV file.
    """
    arguments = ["-ss", f"{start}"] if start else []
    arguments += ["-to", f"{stop}"] if stop else []
    arguments += ["-i", file_address(video), "-map", "0:a:0"]
    arguments += ["-af", "aresample=async=1:first_pts=0,apad"]
    arguments += ["-t", f"{seconds:.6f}", "-c:a", "pcm_s16le", file_address(out)]
    run_ffmpeg(arguments, f"cut out the audio of {video}")


if __name__ == "__main__":
    cli.run(crop_clip)
