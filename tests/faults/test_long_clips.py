"""Ten minutes of video and an hour of sound: memory within bounds, time linear in length."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support import portraits
from tests.support.ffmpeg import run_ffmpeg
from tests.support.good_files import good_files
from tests.support.kills import PREPARATION, TRAININGS, Stage, attempt, planned_stages
from tests.support.tiny_workflow import working_directory
from tests.support.workflow import REPO
from unigs.model.storage import save_portrait
from unigs.pretrained.auto import DETECTORS
from unigs.subject.frame_table import read_frame_table
from unigs.workflow.stages import STAGES

pytestmark = pytest.mark.faults
SHORT, LONG = 60, 600
"""Lengths of the two clips in seconds."""
FPS = 25
MOST = 4000
"""Megabytes that any stage may hold."""
SPEAKER = Stage(
    "make_speaker",
    "--out-video there.mp4 --out-truth truth.npz --seconds 10 --size 96 --strands 30".split(),
    ["there.mp4", "truth.npz", "truth.mkv"],
)
CONFIG = {
    "subjects": "people.tsv",
    "crop": {"size": 64},
    "speech": {"backend": "logmel"},
    "static": {"iterations": 200, "points": 400, "max_gaussians": 600, "evaluate_every": 200},
    "dynamic": {"iterations": 200, "evaluate_every": 200, "grid_levels": 4, "grid_finest": 32},
    "variants": {"only": {}},
    "tables": {"overview": {"variants": ["only"]}},
    "run_tables": "overview",
}


MEASURE = """
import os, sys
process = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small program that runs a command: the system counts the memory of who starts a process as the
process's own, and the tests hold much."""


@dataclass(frozen=True)
class Cost:
    """What a stage took."""

    megabytes: float
    """Most memory that it held at once."""
    seconds: float
    """Time of processors, that of ffmpeg included."""


def measured(module: str, words: Sequence[str], folder: Path) -> Cost:
    """Run a stage in a process of its own.

    Args:
        module: its module.
        words: its command line.
        folder: working directory.
    """
    stage = [sys.executable, "-m", module, *map(str, words)]
    command = [sys.executable, "-S", "-c", MEASURE, *stage]
    environment = os.environ | {"PYTHONPATH": str(REPO), "TMPDIR": str(folder)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    kilobytes, seconds = done.stdout.splitlines()[-1].split()
    return Cost(int(kilobytes) / 1024, float(seconds))


@pytest.fixture(scope="module")
def there_and_back(tmp_path_factory) -> Path:
    """The synthetic speaker for 20 s: ten of them, then the same backwards."""
    folder = tmp_path_factory.mktemp("speaker").resolve()
    done = attempt(SPEAKER, folder)
    assert done.code == 0, done.said
    both = "[0:v]split[a][b];[b]reverse[c];[a][c]concat[v];[0:a]apad=whole_dur=20[s]"
    video = ["-c:v", "libx264", "-crf", "18", "-c:a", "pcm_s16le"]
    words = ["-i", str(folder / "there.mp4"), "-filter_complex", both, "-map", "[v]", "-map", "[s]"]
    run_ffmpeg([*words, "-t", "20", *video, str(folder / "both.mkv")], "turn a clip back")
    return folder / "both.mkv"


@pytest.fixture(scope="module")
def costs(there_and_back, tmp_path_factory, real_model) -> dict[int, dict[str, Cost]]:
    """Length -> stage -> what it took, from the clip to both trainings."""
    real_model(DETECTORS)
    found = {}
    for seconds in (SHORT, LONG):
        folder = tmp_path_factory.mktemp(f"{seconds} seconds").resolve()
        working_directory(folder, CONFIG, "long.mkv")
        loop = ["-stream_loop", "-1", "-i", str(there_and_back), "-t", str(seconds), "-c", "copy"]
        run_ffmpeg([*loop, str(folder / "long.mkv")], "repeat a clip")
        stages = planned_stages(folder, ["train"], UNIGS_MODELS=os.environ["UNIGS_MODELS"])
        assert {*PREPARATION, *TRAININGS} <= set(stages)
        found[seconds] = {
            name: measured(STAGES[name], stage.words, folder) for name, stage in stages.items()
        }
        table = read_frame_table(folder / "results/ann/clip/frames.csv")
        assert abs(len(table.keep) - seconds * FPS) < FPS and table.keep.mean() > 0.8
    return found


@pytest.mark.parametrize("name", [*PREPARATION, *TRAININGS])
def test_ten_minutes_of_video(costs, name, tried):
    """Memory below 4 GB; time grows no faster than length: ten times, and some noise."""
    short, long = costs[SHORT][name], costs[LONG][name]
    print(f"{name}: {short} {long}")
    assert long.megabytes < MOST
    assert long.seconds < 1.5 * LONG / SHORT * short.seconds
    said = f"{long.megabytes:.0f} MB"
    tried("Long clips", f"ten minutes of video in {name}", said=said)


def test_an_hour_of_sound_drives_a_portrait_in_flat_memory(tmp_path, monkeypatch, tried):
    """Two frames a second, since frames are not what grows: beyond the libraries, two copies of the
    samples and the features, 13 MB a minute."""
    speech = {**portraits.SPEECH, "window": 17, "dim": 40}
    monkeypatch.setattr(portraits, "CONFIG", {**portraits.CONFIG, "speech": speech})
    good = good_files(tmp_path / "good")
    made = portraits.portrait()
    made.fps = 2.0
    save_portrait(made, good / "portrait.safetensors")
    words = ["--portrait", good / "portrait.safetensors", "--audio", good / "long.wav"]
    words += ["--frame-table", good / "frames.csv", "--pose", good / "pose.npz"]
    words += ["--body", good / "motion.npz", "--eyes", good / "eyes.csv"]
    words += ["--speech", good / "features.npz", "--out", good / "talk.mp4", "--device", "cpu"]
    rng, costs = np.random.default_rng(0), {}
    for minutes in (3, 60):
        with soundfile.SoundFile(good / "long.wav", "w", 16000, 1, "PCM_16") as sound:
            for _ in range(60 * minutes):
                second = 0.3 * np.sin(np.arange(16000) * 0.1) * (rng.random() > 0.2)
                sound.write(second + 0.001 * rng.normal(size=16000))
        costs[minutes] = measured("unigs.drive.speak", words, tmp_path)
    print(costs)
    growth = (costs[60].megabytes - costs[3].megabytes) / 57
    assert costs[60].megabytes < 1600 and growth < 16
    assert costs[60].seconds < 1.5 * 20 * costs[3].seconds
    said = f"{costs[60].megabytes:.0f} MB"
    tried("Long clips", "a portrait driven by an hour of sound", said=said)
