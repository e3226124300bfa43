"""An hour of clip fits into the memory that the rules of the preparation ask for."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.prepare.pose.test_fit import SIZE, observe, smooth_motion
from tests.support.subject import write_table
from tests.support.workflow import rules
from unigs.media.audio import RATE, write_wav
from unigs.subject.features import Landmarks

HOUR = 3600 * 25
HEARING = "unigs.prepare.speech.encode"
FRAMES = (1000, 4000)
RUN = """
import re, runpy, sys
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def peak(module: str, frames: int, folder: Path) -> float:
    """Most memory of a stage that reads landmarks and frame table, and perhaps sound, MB."""
    write_table(folder / "frames.csv", frames)
    points = observe(smooth_motion(frames)).astype(np.float32)
    Landmarks(points, np.ones(frames, bool), SIZE, "test").write(folder / "landmarks.npz")
    flags = ["--landmarks", folder / "landmarks.npz", "--frame-table", folder / "frames.csv"]
    if module == HEARING:
        rng = np.random.default_rng(0)
        write_wav(folder / "sound.wav", 0.1 * rng.normal(size=frames * RATE // 25))
        # As many numbers for each frame as with Whisper, which takes longer.
        flags += ["--audio", folder / "sound.wav", "--backend", "logmel", "--bands", "64"]
    command = [sys.executable, "-c", RUN, module, *flags, "--out", folder / "out.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize(
    "rule, module",
    [
        ("measure_eyes", "unigs.prepare.face.eyes"),
        ("fit_pose", "unigs.prepare.pose.fit"),
        ("encode_speech", HEARING),
    ],
)
def test_an_hour_fits_into_what_the_rule_asks_for(tmp_path, rule, module):
    few, many = (peak(module, frames, tmp_path) for frames in FRAMES)
    hour = few + (many - few) * (HOUR - FRAMES[0]) / (FRAMES[1] - FRAMES[0])
    asked = int(re.search(r"mem_mb=(\d+)", dict(rules())[rule])[1])
    assert hour < 0.9 * asked
