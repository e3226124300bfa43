"""CPU seconds of every stage of the preparation, each its own command line, per second of the clip.

    python -m benchmarks.preparation VIDEO --size 256 --stop 22

Seconds are those of the processor, user and system, with all child processes: other work on the
machine hardly changes them. Stages run on one thread, as rules with one thread do.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from unigs.media.video import frame_count, probe
from unigs.stage.files import write_json

VIDEO, LANDMARKS, TABLE = "clip.mp4", "landmarks.npz", "frames.csv"
STAGES = {
    "crop_clip": ("clip.crop", {"out": VIDEO, "info": "crop.json"}),
    "detect_landmarks": ("face.landmarks", {"video": VIDEO, "out": LANDMARKS}),
    "screen_clip": ("clip.screen", {"video": VIDEO, "landmarks": LANDMARKS, "out": TABLE}),
    "extract_audio": ("speech.extract", {"video": VIDEO, "out": "audio.wav"}),
    "encode_speech": (
        "speech.encode",
        {"audio": "audio.wav", "frame-table": TABLE, "landmarks": LANDMARKS, "out": "speech.npz"},
    ),
    "measure_eyes": (
        "face.eyes", {"landmarks": LANDMARKS, "frame-table": TABLE, "out": "eyes.csv"},
    ),
    "fit_pose": ("pose.fit", {"landmarks": LANDMARKS, "frame-table": TABLE, "out": "pose.npz"}),
    "segment_regions": (
        "regions.segment",
        {"video": VIDEO, "landmarks": LANDMARKS, "frame-table": TABLE, "out": "labels.mkv",
         "background": "background.png", "hole": "hole.png"},
    ),
    "track_body": (
        "body.track",
        {"video": VIDEO, "labels": "labels.mkv", "frame-table": TABLE, "pose": "pose.npz",
         "out": "motion.npz"},
    ),
}  # fmt: skip
"""Module below `unigs.prepare` and files of each stage, by the name of its rule, in order."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "UNIGS_THREADS"), "1")


def measure(folder: Path, crop: list[str], stages: list[str]) -> dict[str, float]:
    """CPU seconds of stages, by name.

    Args:
        folder: where their files lie.
        crop: flags of crop_clip that name the source, its part and the size.
        stages: names of `STAGES`, in order.
    """
    seconds = {}
    for name in stages:
        module, files = STAGES[name]
        command = [sys.executable, "-m", f"unigs.prepare.{module}"]
        for flag, file in files.items():
            command += [f"--{flag}", str(folder / file)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command + (crop if name == "crop_clip" else []),
            check=True, stderr=subprocess.DEVNULL, env=os.environ | ONE_THREAD,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds[name] = sum(
            getattr(after, t) - getattr(before, t) for t in ("ru_utime", "ru_stime")
        )
    return seconds


def main(arguments: list[str] | None = None) -> None:
    """Prepare a video stage by stage and print what each took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preparation")
    parser.add_argument("video", type=Path, help="a person who talks, with sound")
    parser.add_argument("--size", type=int, default=256, help="side of the clip in pixels")
    parser.add_argument("--stop", type=float, help="last second of the video that is used")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    flags = parser.parse_args(arguments)
    crop = ["--video", str(flags.video), "--size", str(flags.size)]
    crop += ["--stop", str(flags.stop)] if flags.stop else []
    with tempfile.TemporaryDirectory() as name:
        seconds = measure(Path(name), crop, list(STAGES))
        clip = Path(name) / VIDEO
        length = frame_count(clip) / probe(clip).fps
    print(f"clip of {length:.1f} s at {flags.size} px\n| stage | CPU s | per second of clip |")
    print("|---|---|---|")
    for stage, used in (seconds | {"all": sum(seconds.values())}).items():
        print(f"| {stage} | {used:.2f} | {used / length:.3f} |")
    if flags.out:
        write_json(flags.out, {"clip_seconds": length, "size": flags.size, "cpu_seconds": seconds})


if __name__ == "__main__":
    main()
