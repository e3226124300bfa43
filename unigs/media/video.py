"""Video files as streams of uint8 RGB frames; memory use does not grow with the clip."""

import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.media import graphs
from unigs.media.ffmpeg import damage, is_refused_format, last_line, refuse_missing, unwritten
from unigs.stage.disk import full_disk_of
from unigs.stage.errors import UserError

ROUNDING = 0.0051
"""Frames per second by which ffmpeg's word for a rate may differ from the rate."""


@dataclass(frozen=True)
class VideoInfo:
    """What the header of a video file says."""

    width: int
    """Pixels as displayed, after the rotation flag is applied."""
    height: int
    """Pixels as displayed, after the rotation flag is applied."""
    fps: float
    """Frames per second, average rate."""
    duration: float
    """Seconds."""
    has_audio: bool
    """Whether there is an audio stream."""
    rotation: int
    """Degrees by which decoded frames are turned counterclockwise, 0 to 359."""
    comment: str = ""
    """What the writer of the file said of it; empty: nothing."""


def probe(path: Path) -> VideoInfo:
    """Read a video file's header.

    Raises:
        UserError: the file is missing or holds no video that ffmpeg can read.
    """
    refuse_missing(path, "video")
    stat = os.stat(path)
    return _header(os.path.abspath(path), (stat.st_ino, stat.st_size, stat.st_mtime_ns))


@functools.lru_cache(maxsize=32)
def _header(path: str, version: tuple[int, ...]) -> VideoInfo:
    """What ffmpeg says of a file as it decodes its first frame; asked once for each `version`."""
    command = graphs.command_of(graphs.header(Path(path)), "info")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if is_refused_format(done.stderr):
        raise UserError(
            f"{path} is a play list, a picture or of another kind that is not read as a video: "
            "give the video itself, or convert it first (ffmpeg -i IN OUT.mp4)."
        )
    given, _, made = done.stderr.partition("\nOutput #0")
    streams = [line for line in given.splitlines() if line.lstrip().startswith("Stream #")]
    video = next((line for line in streams if " Video: " in line), "")
    # The size of the decoded frames: turned upright.
    size = re.search(r" Video: .*? (\d+)x(\d+)[, ]", made)
    if done.returncode or not size:
        raise UserError(f"{path} holds no video that ffmpeg can read: check the file.")
    duration = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", given)
    hours, minutes, seconds = map(float, duration.groups()) if duration else (0, 0, 0)
    said = re.search(r"^ +comment +: (.*)$", given, re.M | re.I)
    turned = re.search(r"rotation of (-?\d+(?:\.\d+)?) degrees", given)
    return VideoInfo(
        width=int(size[1]),
        height=int(size[2]),
        fps=_rate(video, done.stdout),
        duration=3600 * hours + 60 * minutes + seconds,
        has_audio=any(" Audio: " in line for line in streams),
        rotation=round(float(turned[1])) % 360 if turned else 0,
        comment=said[1].strip() if said else "",
    )


def _rate(told: str, frames: str) -> float:
    """Frames per second of a stream; 0: not told.

    Args:
        told: ffmpeg's line about the stream, which rounds the rate to two decimals: 23.976 would be
            10 ms late after a minute.
        frames: what it wrote of the first frame, with the unit of its time: by itself one frame.
    """
    rounded = re.search(r" (\d+\.?\d*) fps", told)
    unit = re.search(r"^#tb 0: (\d+)/(\d+)$", frames, re.M)
    fps = float(rounded[1]) if rounded else 0.0
    exact = int(unit[2]) / int(unit[1]) if unit and int(unit[1]) else 0.0
    return exact if abs(exact - fps) < ROUNDING else fps


def read_video(
    path: Path,
    *,
    fps: float | None = None,
    crop: tuple[int, int, int, int] | None = None,
    size: tuple[int, int] | None = None,
    start: float | None = None,
    stop: float | None = None,
    gray: bool = False,
) -> Iterator[np.ndarray]:
    """Stream the frames of a video.

    Args:
        path: the video file.
        fps: resample to this rate: frame k shows the source nearest to k/fps seconds.
        crop: (x, y, w, h) in displayed source pixels.
        size: (w, h) to scale to, after the crop.
        start: first second.
        stop: last second (exclusive).
        gray: yield [H,W] instead of [H,W,3].

    Yields:
        uint8 frames [H,W,3] RGB (or [H,W]).

    Raises:
        UserError: the file cannot be read, or (at its end) parts of it could not be decoded.
    """
    info = probe(path)
    width, height = size or (crop[2:] if crop else (info.width, info.height))
    part = {"fps": fps, "crop": crop, "size": size, "start": start, "stop": stop, "gray": gray}
    command = graphs.command_of(graphs.frames(path, **part))
    shape = (height, width) if gray else (height, width, 3)
    yield from _raw_frames(command, shape, path)


def _raw_frames(command: list[str], shape: tuple[int, ...], path: Path) -> Iterator[np.ndarray]:
    nbytes = int(np.prod(shape))
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, bufsize=nbytes)
        finished = False
        try:
            while len(data := process.stdout.read(nbytes)) == nbytes:
                yield np.frombuffer(data, np.uint8).reshape(shape)
            finished = True
        finally:
            process.stdout.close()
            if not finished:
                process.kill()
            code = process.wait()
        errors.seek(0)
        text = errors.read().decode(errors="replace")
        if code:
            raise UserError(f"{path} cannot be decoded to its end: ffmpeg says: {last_line(text)}")
        if complaint := damage(text):
            raise UserError(f"{path} is damaged: ffmpeg says: {complaint}; make or fetch it anew.")


def frame_count(path: Path) -> int:
    """Number of frames of a video, by its packets, since headers can be wrong.

    Of a file that this package wrote: there every packet holds a frame that decodes.
    """
    count, complaints, failed = packets(path)
    if failed:
        raise UserError(f"{path} cannot be read to its end: ffmpeg says: {last_line(complaints)}")
    return count


def packets(path: Path, containers: str = graphs.CONTAINERS) -> tuple[int, str, bool]:
    """Go through the packets of a video without decoding them.

    Args:
        path: a video.
        containers: formats, as ffmpeg calls them, that the file may have.

    Returns:
        Number of packets, what ffmpeg complained of, and whether it failed.
    """
    command = graphs.command_of(graphs.packets(path, containers))
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    count = sum(line.startswith("0,") for line in done.stdout.splitlines())
    return count, done.stderr, done.returncode != 0


class VideoWriter:
    """Write uint8 frames to a video file; use as a context manager.

    Args:
        path: output; the suffix chooses the container (.mp4, .mkv).
        width: pixels; an even number for the lossy qualities.
        height: pixels; an even number for the lossy qualities.
        fps: frames per second.
        quality: "high" (x264 crf 10), "preview" (x264 crf 18), "intermediate" (x264 crf 9, quick to
            write and to read) or "lossless" (ffv1).
        gray: frames are [H,W] (lossless only).
        audio: file whose first audio stream is muxed from time 0, cut or not to the video's end.
        title: container metadata.
        comment: container metadata.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: float,
        quality: str = "high",
        *,
        gray: bool = False,
        audio: Path | None = None,
        title: str | None = None,
        comment: str | None = None,
    ) -> None:
        self.path, self.shape = Path(path), (height, width) if gray else (height, width, 3)
        told = {"title": title, "comment": comment}
        tags = {key: value for key, value in told.items() if value}
        options = {"gray": gray, "audio": audio, "tags": tags}
        graph = graphs.encoded(self.path, width, height, fps, quality, **options)
        command = graphs.command_of(graph, overwrite=True)
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=self.errors)

    def __enter__(self) -> "VideoWriter":
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one frame.

        Raises:
            ValueError: the frame has another shape or type than announced.
            UserError: ffmpeg stopped.
        """
        if frame.shape != self.shape or frame.dtype != np.uint8:
            raise ValueError(f"frame is {frame.dtype} {frame.shape}, expected uint8 {self.shape}")
        try:
            self.process.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError:
            self._finish()

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is None:
            self._finish()
        else:
            self.process.kill()
            self.process.wait()
            self.errors.close()

    def _finish(self) -> None:
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.process.wait()
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace")
        self.errors.close()
        if code or unwritten(text):
            sentence = f"{self.path} could not be written: ffmpeg says: {last_line(text)}"
            raise UserError(sentence) from full_disk_of(text)
