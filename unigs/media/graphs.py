"""Every command of ffmpeg that the package runs, as a graph of ffmpeg-python.

A graph leads from files to a file or a pipe, through filters. Its command line is compiled by
`command_of`; nothing here runs anything.
"""

from __future__ import annotations

from pathlib import Path

import ffmpeg

from unigs.media.ffmpeg import ffmpeg_exe, file_address

CONTAINERS = ",".join(
    (
        *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "gxf", "dv"),
        *("nut", "rm", "wtv", "ivf", "yuv4mpegpipe", "mpegvideo", "m4v", "h264", "hevc", "gif"),
        *("wav", "w64", "aiff", "caf", "au", "flac", "mp3", "aac", "ac3", "eac3", "dts", "amr"),
        *("ape", "wv", "tta", "mpc", "mpc8", "voc", "sox"),
    )
)
"""Formats, as ffmpeg calls them, that are read: files that hold their own pictures and sounds. Play
lists (hls, concat, dash), which make ffmpeg open other files and addresses, are none of them."""
PIPE = "pipe:"
"""Standard input or output."""
ENCODERS = {
    "high": {"c:v": "libx264", "preset": "medium", "crf": 10, "pix_fmt": "yuv420p"},
    "preview": {"c:v": "libx264", "preset": "medium", "crf": 18, "pix_fmt": "yuv420p"},
    "intermediate": {
        **{"c:v": "libx264", "preset": "superfast", "tune": "psnr", "crf": 9},
        **{"bf": 0, "coder": "vlc", "pix_fmt": "yuv420p"},
    },
    "lossless": {"c:v": "ffv1", "level": 3, "g": 1},
}
"""Options of ffmpeg by quality. high is visually lossless and plays in browsers. intermediate does
too, for files that stages read many times: nearer to the original, written in a quarter of the CPU
time, read in less, and 1.5 to 4 times as large."""
BT709 = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709"}
"""One color matrix, written in the file, or players and decoders guess differently."""
COPIED = {"c": "copy", "format": "framecrc"}
"""A line of text for each packet, nothing decoded."""

Graph = ffmpeg.nodes.OutputStream
"""A graph with its output."""


def command_of(graph: Graph, level: str = "error", overwrite: bool = False) -> list[str]:
    """The command line of a graph, which asks nothing and says only what goes wrong.

    Args:
        graph: one of the graphs below.
        level: what ffmpeg says: `error`, or `info` for headers, too.
        overwrite: whether an output that is there may be replaced.
    """
    words = ["-v", level, "-nostdin"] + (["-hide_banner"] if level != "error" else [])
    return graph.global_args(*words).compile(cmd=ffmpeg_exe(), overwrite_output=overwrite)


def header(path: Path) -> Graph:
    """The first frame of a video as a line of text: ffmpeg tells of the file as it decodes it.

    Args:
        path: a video.
    """
    opened = _file(path, threads=1)
    return ffmpeg.output(opened["v:0"], PIPE, format="framecrc", **{"frames:v": 1})


def frames(
    path: Path,
    *,
    fps: float | None = None,
    crop: tuple[int, int, int, int] | None = None,
    size: tuple[int, int] | None = None,
    start: float | None = None,
    stop: float | None = None,
    gray: bool = False,
) -> Graph:
    """The frames of a video as raw pixels; ffmpeg turns them upright by itself.

    Args:
        path: a video.
        fps: resample to this rate: frame k shows the source nearest to k/fps seconds.
        crop: (x, y, w, h) in displayed source pixels.
        size: (w, h) to scale to, after the crop.
        start: first second.
        stop: last second (exclusive).
        gray: one byte per pixel instead of three.
    """
    stream = _opened(path, start, stop)["v:0"]
    if fps:
        stream = stream.filter("fps", fps=fps, start_time=0, round="near")
    if crop:
        x, y, w, h = crop
        stream = stream.filter("crop", w, h, x, y, exact=1)
    if size:
        flags = "area+accurate_rnd+full_chroma_int"
        stream = stream.filter("scale", *size, flags=flags)
    timing = {} if fps else {"fps_mode": "passthrough"}
    pixels = "gray" if gray else "rgb24"
    return stream.output(PIPE, format="rawvideo", pix_fmt=pixels, **timing)


def packets(path: Path, containers: str = CONTAINERS) -> Graph:
    """A line of text for each packet of a video, nothing decoded.

    Args:
        path: a video.
        containers: formats, as ffmpeg calls them, that the file may have.
    """
    return ffmpeg.output(_file(path, format_whitelist=containers)["v:0"], PIPE, **COPIED)


def times(path: Path, start: float | None, stop: float | None) -> Graph:
    """A line of text for each decoded frame of a video and for each packet of its sound.

    Args:
        path: a video, with or without sound.
        start: first second; None: the beginning.
        stop: last second; None: the end.
    """
    opened = _opened(path, start, stop)
    # Rows and complaints go through one pipe, row by row, so that their order tells the time.
    options = {"c:a": "copy", "fps_mode": "passthrough", "enc_time_base:v": "1/90000"}
    rows = {"format": "framecrc", "flush_packets": 1}
    return ffmpeg.output(opened["v:0"], opened["a:0?"], PIPE, **options, **rows)


def encoded(
    path: Path,
    width: int,
    height: int,
    fps: float,
    quality: str,
    *,
    gray: bool = False,
    audio: Path | None = None,
    tags: dict[str, str] | None = None,
) -> Graph:
    """Raw frames of a pipe to a video file.

    Args:
        path: output; the suffix chooses the container (.mp4, .mkv).
        width: pixels.
        height: pixels.
        fps: frames per second.
        quality: one of `ENCODERS`.
        gray: one byte per pixel instead of three.
        audio: file whose first audio stream is muxed.
        tags: at most two entries of the container's metadata.
    """
    options = dict(ENCODERS[quality])
    raw = {"format": "rawvideo", "pix_fmt": "gray" if gray else "rgb24", "s": f"{width}x{height}"}
    stream = ffmpeg.input(PIPE, r=fps, **raw)["v:0"]
    if quality == "lossless":
        options["pix_fmt"] = "gray" if gray else "bgr0"
    else:
        matrix = {"out_color_matrix": "bt709", "out_range": "tv", "flags": "accurate_rnd"}
        stream, options = stream.filter("scale", **matrix), options | BT709
    streams = [stream]
    if audio is not None:
        streams.append(_file(audio)["a:0"])
        options |= {"c:a": "aac", "b:a": "192k"}
    # ffmpeg-python takes no option twice: the container has two names.
    names = ("metadata", "metadata:g")
    told = [f"{key}={value}" for key, value in (tags or {}).items()]
    options |= dict(zip(names, told, strict=False))
    if Path(path).suffix == ".mp4":
        options["movflags"] = "+faststart"
    else:
        # Matroska would give each file a random number: the same frames make the same file.
        options["fflags"] = "+bitexact"
    return ffmpeg.output(*streams, file_address(path), **options)


def samples(path: Path, rate: int, seconds: float, **limits: str) -> Graph:
    """The beginning of the first audio stream of a file as mono float samples.

    Args:
        path: audio or video file.
        rate: samples per second.
        seconds: length after which the rest is left out.
        **limits: options of ffmpeg that let it read less than usual (`format_whitelist`,
            `protocol_whitelist`), for a stranger's file.
    """
    opened = _file(path, **limits)
    return ffmpeg.output(opened["a:0"], PIPE, format="f32le", ac=1, ar=rate, t=seconds)


def whole_sound(path: Path, out: Path) -> Graph:
    """The first audio stream of a file in another file.

    Args:
        path: audio or video file.
        out: output; the suffix chooses the format.
    """
    return ffmpeg.output(_opened(path)["a:0"], file_address(out))


def part_of_sound(
    path: Path, out: Path, start: float | None, stop: float | None, seconds: float
) -> Graph:
    """A part of the first audio stream as 16-bit samples, silence where the source has none.

    Args:
        path: audio or video file.
        out: WAV file.
        start: first second; None: the beginning.
        stop: last second; None: the end.
        seconds: exact length of the output.
    """
    stream = _opened(path, start, stop)["a:0"]
    stream = stream.filter("aresample", **{"async": 1, "first_pts": 0}).filter("apad")
    return stream.output(file_address(out), t=f"{seconds:.6f}", **{"c:a": "pcm_s16le"})


def judged_by_vmaf(render: Path, truth: Path, log: Path, model: str, fps: float) -> Graph:
    """VMAF of every frame of a video against another one, to a file of JSON.

    Args:
        render: the video that is judged.
        truth: what it should show, frame by frame.
        log: file to write.
        model: the model's version, as libvmaf calls it.
        fps: frames per second of both; their own times are not compared.
    """
    matrix = {"out_color_matrix": "bt709", "out_range": "tv", "flags": "accurate_rnd"}
    pair = [
        _file(path, r=fps)["v:0"].filter("scale", **matrix).filter("format", "yuv420p")
        for path in (render, truth)
    ]
    options = {"log_path": str(log), "log_fmt": "json", "model": f"version={model}"}
    judged = ffmpeg.filter(pair, "libvmaf", n_threads=2, **options)
    return judged.output(PIPE, format="null")


def tags(path: Path) -> Graph:
    """Tags of a file as text.

    Args:
        path: a media file.
    """
    return ffmpeg.output(_file(path), PIPE, format="ffmetadata")


def _opened(
    path: Path, start: float | None = None, stop: float | None = None
) -> ffmpeg.nodes.FilterableStream:
    """A file from one second to another; 0 and None: its beginning, or its end."""
    part = {"ss": start} if start else {}
    part |= {"to": stop} if stop else {}
    return _file(path, **part)


def _file(path: Path, **options: object) -> ffmpeg.nodes.FilterableStream:
    """A file to read, if it is of one of the formats that hold their own pictures and sounds."""
    return ffmpeg.input(file_address(path), **{"format_whitelist": CONTAINERS, **options})
