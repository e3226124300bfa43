"""Stage measure_speed: frames per second, one frame at a time, as a viewer would play them.

A frame counts from the driving numbers in main memory to the finished 8-bit picture in main memory.
The device is synchronized before and after, which most published figures leave out.
"""

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None

from unigs.compute.device import device_name, pick_device
from unigs.compute.threads import get_threads
from unigs.evaluate.records import Record, to_json
from unigs.evaluate.split import split_of
from unigs.media.audio import RATE
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.settings.evaluate import SpeedSettings
from unigs.speech.encoder import SpeechEncoder, is_given
from unigs.stage import cli
from unigs.stage.files import write_json
from unigs.subject.features import SpeechFeatures
from unigs.subject.frame_table import read_frame_table
from unigs.subject.performance import read_performance

log = logging.getLogger("unigs")


def measure_speed(
    portrait: Path,
    frame_table: Path,
    pose: Path,
    body: Path,
    eyes: Path,
    speech: Path,
    out: Path,
    settings: SpeedSettings,
) -> None:
    """Time a portrait on the test frames of its clip, batch size 1.

    Args:
        portrait: the trained portrait (.safetensors).
        frame_table: the clip's frame table (.csv).
        pose: head poses (.npz).
        body: motion of the torso (.npz).
        eyes: action units (.csv).
        speech: speech features (.npz), with the encoder that made them.
        out: figures (.json).
        settings: fields of the section `evaluate` that say how playback is timed.
    """
    table = read_frame_table(frame_table)
    performance = read_performance(table, pose, body, eyes, speech)
    heard = SpeechFeatures.read(speech)
    device = pick_device(settings.device).type
    model = load_portrait(portrait, device)
    test = split_of(table, performance.head.known).test
    turns = np.resize(test, settings.speed_warmup + settings.speed_frames).tolist()
    play = partial(Playback(model).frame, performance)
    seconds = time_frames(play, turns, settings.speed_warmup, device)
    # Before the encoder, which is given a recording as long as the clip, as no player is.
    memory = memory_record(device)
    hearing = None
    if not is_given(heard.encoder):
        encoder = SpeechEncoder.from_json(heard.encoder, speech)
        hearing = time_encoder(encoder, len(table), table.fps)
    records = [*speed_records(seconds, hearing, heard.backend), memory]
    name = device_name(device)
    write_json(
        out,
        {
            "device": name,
            "threads": get_threads(),
            "size": model.size,
            "gaussians": model.count,
            "frames": settings.speed_frames,
            "warmup": settings.speed_warmup,
            "batch": 1,
            "metrics": to_json([replace(record, device=name) for record in records]),
        },
    )
    log.info("%.1f frames per second on %s", records[0].value, name)


def time_frames(
    play: Callable[[int], object], rows: list[int], warmup: int, device: str
) -> np.ndarray:
    """Time the playing of frames; the device is idle at either end of each.

    Args:
        play: renders the frame of a row.
        rows: the rows to play, in turn.
        warmup: number of first rows that are played but not timed.
        device: "cpu" or "cuda".

    Returns:
        seconds per frame, float [len(rows) - warmup].
    """

    def synchronize() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    for row in rows[:warmup]:
        play(row)
    seconds = []
    for row in rows[warmup:]:
        synchronize()
        started = time.perf_counter()
        play(row)
        synchronize()
        seconds.append(time.perf_counter() - started)
    return np.array(seconds)


def time_encoder(encoder: SpeechEncoder, count: int, fps: float) -> float:
    """Seconds that the clip's own speech encoder takes per video frame.

    Encoded is noise as long as the clip, at once, as `drive` does; its content does not matter.

    Args:
        encoder: of the clip's speech features.
        count: number of frames of the clip.
        fps: frames per second of the clip.
    """
    noise = np.random.default_rng(0).normal(0, 0.1, round(count / fps * RATE)).astype(np.float32)
    encoder.encode(noise[:RATE], max(1, round(fps)), fps)
    started = time.perf_counter()
    encoder.encode(noise, count, fps)
    return (time.perf_counter() - started) / count


def memory_record(device: str) -> Record:
    """The most memory that this process has held so far.

    Args:
        device: "cpu" or "cuda".
    """
    labels = {"unit": "MB", "backend": "unigs.evaluate.speed"}
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
        return Record("memory_mb", peak, how="peak of torch's memory on the GPU", **labels)
    how = "peak resident memory of the process that plays the portrait, libraries included"
    if resource is None:
        reason = "this system does not tell how much memory a process held"
        return Record("memory_mb", None, how=how, reason=reason, **labels)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes, but bytes on macOS.
    return Record(
        "memory_mb", peak / (2**20 if sys.platform == "darwin" else 2**10), how=how, **labels
    )


def speed_records(seconds: np.ndarray, hearing: float | None, encoder: str) -> list[Record]:
    """Figures of speed.

    Args:
        seconds: seconds per frame, [n].
        hearing: seconds per frame of the speech encoder; None: it is not here.
        encoder: name of the speech encoder.
    """
    how = "batch 1, from driving numbers to 8-bit picture in main memory, device synchronised"
    common = {"frames": len(seconds), "backend": "unigs.evaluate.speed"}
    mean = float(seconds.mean())
    unheard = f"the encoder of {encoder} is not here" if hearing is None else None
    with_speech = (
        f"{how}; speech encoder ({encoder}) included, encoding the whole recording at once"
    )
    return [
        Record("fps", 1 / mean, unit="frames/s", how=how, **common),
        Record(
            "fps_with_speech", None if unheard else 1 / (mean + hearing), unit="frames/s",
            how=with_speech, reason=unheard, **common,
        ),
        Record("frame_ms_median", float(np.median(seconds)) * 1e3, unit="ms", how=how, **common),
        Record(
            "frame_ms_p95", float(np.percentile(seconds, 95)) * 1e3, unit="ms", how=how, **common
        ),
        Record(
            "speech_ms", None if unheard else hearing * 1e3, unit="ms",
            how="speech encoder, per frame", reason=unheard, **common,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    cli.run(measure_speed)
