"""Every benchmark runs, and what it compares computes the same; no test looks at a time."""

import importlib
import inspect
import pkgutil
import re
import subprocess
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest

import benchmarks
from benchmarks import commits, machine, parts, preparation
from tests.support.sounds import voice
from unigs.media.audio import write_wav
from unigs.media.video import VideoWriter
from unigs.stage.files import read_json

# Largest difference that a note of the group may report.
TOLERANCE = {
    "SSIM": 1e-4,
    "Tri-plane": 1e-5,
    "Playback deformation": 1e-4,
    "Image": 1e-3,
    "Ten frames of a talking portrait": 1.0,  # of 255: roundings to bytes
    "A dynamic step": 1e-4,
    "Whisper": 1e-4,
}
OPPONENTS = {
    "raster": {"numba", "torch, tile by tile"},
    "kernels": {"numba", "torch conv2d", "torch gather"},
    "playback": {"player", "without"},
    "training": {"unigs", "torch: no compiled kernels", "torch: and tile renderer"},
    "speech": {"own module", "torch TransformerEncoderLayer", "whisper", "whisper, live"},
}


def test_the_whole_run_knows_every_benchmark():
    modules = {info.name for info in pkgutil.iter_modules(benchmarks.__path__)}
    found = {
        name
        for name in modules - {"__main__"}
        if hasattr(importlib.import_module(f"benchmarks.{name}"), "main")
    }
    # These have commands of their own; two want videos of people, two another commit.
    apart = {"carriers", "gpu", "preparation", "commits", "commit_worker"}
    assert found == {*OPPONENTS, *apart}


def test_a_commit_is_compared_with_this_checkout_in_turns(tmp_path):
    """Here with itself, whose kernels are compiled."""
    with patch.object(commits, "checkout", lambda commit: nullcontext(commits.REPO)):
        words = ["HEAD", "--count", "300", "--size", "64", "--rounds", "2", "--threads", "1"]
        report = read_json(commits.main([*words, "--out", str(tmp_path)]))
    assert {row["group"] for row in report["rows"]} == set(commits.GROUPS.values())
    for base, now in zip(report["rows"][::2], report["rows"][1::2], strict=True):
        assert (base["name"], now["name"]) == ("HEAD", commits.NOW)
        assert base["ratio"] == 1 and now["ratio"] > 0 and now["calls"] == 2


def test_a_checkout_is_the_commit_s_and_does_not_stay(tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a", "-C", str(tmp_path)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        (tmp_path / "file").write_text("as committed")
        subprocess.run([*git, *words], check=True)
    (tmp_path / "file").write_text("as changed since")
    with patch.object(commits, "REPO", tmp_path), commits.checkout("HEAD") as folder:
        assert (folder / "file").read_text() == "as committed"
    assert not folder.exists()


@pytest.mark.parametrize("name", preparation.STAGES)
def test_the_benchmark_of_the_preparation_gives_each_stage_its_files(name):
    module, files = preparation.STAGES[name]
    stage = getattr(importlib.import_module(f"unigs.prepare.{module}"), name)
    needed = {
        parameter.replace("_", "-")
        for parameter, what in inspect.signature(stage).parameters.items()
        if what.default is inspect.Parameter.empty and parameter != "settings"
    }
    assert needed - {"video"} <= set(files) and (name == "crop_clip" or needed <= set(files))


def test_cpu_seconds_of_a_stage_are_measured(tmp_path):
    write_wav(tmp_path / "sound.wav", voice(2.0))
    with VideoWriter(tmp_path / "clip.mp4", 64, 64, 25, audio=tmp_path / "sound.wav") as writer:
        for _ in range(50):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    seconds = preparation.measure(tmp_path, [], ["extract_audio"])
    assert (tmp_path / "audio.wav").exists() and 0 < seconds["extract_audio"] < 60


class Ticks:
    """A clock that counts how often it is read: parts then depend on calls, not on time."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return np.full(2, float(self.count))


@pytest.fixture(scope="module", params=list(OPPONENTS))
def report(request, tmp_path_factory):
    """One benchmark at its tiny size, with a counting clock for the parts."""
    module = importlib.import_module(f"benchmarks.{request.param}")
    folder = tmp_path_factory.mktemp("results")
    with patch.object(parts, "_now", Ticks()):
        path = module.main(arguments=["--quick", "--threads", "1", "--out", str(folder)])
    assert path.name == f"{request.param}-{machine.machine_slug()}.json"
    return read_json(path)


def test_candidates_agree_with_the_first(report):
    computer, rows = report["machine"], report["rows"]
    assert computer["packages"]["torch"] and computer["peak_gflops_per_core"] > 0
    assert {row["name"] for row in rows} >= OPPONENTS[report["name"]]
    assert all(row["threads"] == 1 and row["calls"] >= 1 for row in rows)
    assert all(fact[counted] > 0 for fact in report["facts"] for counted in {"pairs"} & set(fact))
    compared = [row for row in rows if row["note"]]
    assert compared
    for row in compared:
        found = re.search(r"differ\D*(\d[\d.e+-]*)", row["note"])
        group = next(key for key in TOLERANCE if row["group"].startswith(key))
        assert float(found[1]) <= TOLERANCE[group], row


def test_parts_sum_to_the_whole(report):
    groups = {row["group"] for row in report["rows"] if "by part" in row["group"]}
    assert len(groups) == {"playback": 1, "training": 2}.get(report["name"], 0)
    for group in groups:
        rows = {row["name"]: row for row in report["rows"] if row["group"] == group}
        whole = rows.pop("whole")
        assert {"project and rasterize", "sort and blend"} & set(rows) and parts.REST in rows
        # Medians over calls that may differ a little (which frame, which lips).
        assert sum(row["cpu_ms"] for row in rows.values()) == pytest.approx(
            whole["cpu_ms"], rel=0.1
        )
        assert sum(row["cpu_ratio"] for row in rows.values()) == pytest.approx(1, abs=0.1)


def test_a_part_is_charged_without_what_it_calls(monkeypatch):
    class Steps:
        def outer(self):
            return self.inner() + self.inner()

        def inner(self):
            return 7

    monkeypatch.setattr(parts, "_now", Ticks())
    inner, steps = Steps.inner, Steps()
    places = [(Steps, "outer", "outer"), (Steps, "inner", "inner")]
    rows = parts.by_part("group", "size", lambda: steps.outer(), places, seconds=0)
    # Eight readings of the clock: seven ticks, one inside each call of inner.
    assert {row.name: row.cpu_ms for row in rows} == {
        "whole": 7, "outer": 3, "inner": 2, parts.REST: 2,
    }  # fmt: skip
    assert Steps.inner is inner


def test_machine_slug_is_a_file_name(monkeypatch):
    monkeypatch.setattr(
        machine, "processor_name", lambda: "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz"
    )
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 8)
    assert machine.machine_slug() == "intel-xeon-e5-2680-v4-8-cores"
