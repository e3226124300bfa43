"""`unigs demo`, `portrait`, `run` and `stage`: what they start, and what they leave behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stage.test_help import STAGES as COMMAND_LINES
from tests.support.workflow import FAKE_PYTHON, REPO, stand_in
from unigs.stage.errors import UserError
from unigs.workflow import command, launcher
from unigs.workflow.command import preset_file, snakemake
from unigs.workflow.stages import STAGES


@pytest.fixture
def unigs(tmp_path):
    """Type a command in an empty folder, where the jobs only make files."""
    (tmp_path / "python.sh").write_text(FAKE_PYTHON)
    stand_in(tmp_path / "here/models")
    foreign = ("SNAKEMAKE", "UNIGS_MODELS")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    clean |= {"BASH_ENV": str(tmp_path / "python.sh"), "PYTHONPATH": str(REPO)}
    clean |= {"UNIGS_MODELS": "models"}

    def run(*words: str) -> subprocess.CompletedProcess:
        line = [sys.executable, "-m", "unigs", *words]
        return subprocess.run(
            line, cwd=tmp_path / "here", env=clean, capture_output=True, text=True
        )

    return run, tmp_path / "here"


def test_words_are_completed_for_snakemake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    python = launcher.command([])
    own = ["--snakefile", str(REPO / "workflow/Snakefile")]
    assert snakemake(["-n"]) == [*python, *own, "--cores", "all", "-n"]
    for limited in (["-c4"], ["--cores", "4"], ["-j", "2"], ["--jobs=2"], ["--profile", "x"]):
        assert snakemake(limited) == [*python, *own, *limited]
    assert snakemake(["-c1", "-s", "mine.smk"]) == [*python, "-c1", "-s", "mine.smk"]
    behind = snakemake(["-c8", "--resources", "gpu=1", "all"])
    assert behind == [*python, "all", *own, "-c8", "--resources", "gpu=1"]


def test_paths_of_the_package_are_found_and_those_that_are_here_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["-c1", "--configfile", "config/presets/laptop.yaml", "config/none.yaml"]
    there = str(REPO / "config/presets/laptop.yaml")
    assert snakemake(words)[-3:] == ["--configfile", there, "config/none.yaml"]
    (tmp_path / "config/presets").mkdir(parents=True)
    (tmp_path / "config/presets/laptop.yaml").touch()
    assert snakemake(words)[-2] == "config/presets/laptop.yaml"


def test_presets_by_name_and_by_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert preset_file("paper") == str(REPO / "config/presets/paper.yaml")
    Path("own.yaml").touch()
    assert preset_file("own.yaml") == "own.yaml"
    known = "demo, laptop, long_training, paper, preview, synthetic_tables"
    with pytest.raises(UserError, match=f"no preset huge, only {known}, and"):
        preset_file("huge")


def test_a_portrait_in_an_empty_folder(unigs, tmp_path):
    run, here = unigs
    clip = tmp_path / 'My "clip": 1.mp4'
    clip.touch()
    sound = tmp_path / "hello.wav"
    sound.touch()
    told = ("--consent", 'my "own" face')
    done = run("portrait", "--name", "Zoë", "--audio", "../hello.wav", *told, "--", str(clip))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"The portrait: {(here / 'results/index.html').as_uri()}" in done.stdout
    assert (here / "results/zoe/unigs_plus/drive/hello.mp4").is_file()
    assert "--size 256" in done.stderr + done.stdout
    assert "--consent 'my \"own\" face'" in done.stderr + done.stdout
    other = tmp_path / "other.mp4"
    other.write_bytes(b"another")
    refused = run("portrait", str(other), "--name=zoe")
    assert refused.returncode == 1 and "The portrait" not in refused.stdout
    assert "results/zoe was made from" in refused.stdout + refused.stderr
    assert {path.name for path in here.iterdir()} == {"models", "results", "logs", ".snakemake"}


def test_run_becomes_snakemake(unigs):
    run, here = unigs
    done = run("run", "prepare", "-n", "--configfile", "config/presets/demo.yaml")
    assert done.returncode == 0 and "rule make_speaker:" in done.stdout, done.stderr
    assert "results/demo/clip/video.mp4" in done.stdout and not (here / "results").exists()
    helped = run("run", "--help")
    assert helped.stdout.startswith("usage: unigs run") and "--rerun-triggers" in helped.stdout
    assert run("run", "-n", "nowhere.txt").returncode == 1


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("portrait", "none.mp4"), "there is no file none.mp4."),
        (("portrait", sys.executable, "--preset", "x"), "there is no preset x, only demo"),
        (("stage", "crop"), "there is no stage crop: unigs stage lists them."),
        (("stage", "crop_clip", "--video", "none.mp4", "--out", "a", "--info", "b"), "none.mp4"),
        (("drive", "zoe", "a.wav"), "there is no portrait results/zoe/unigs_plus/dynamic/"),
    ],
)
def test_mistakes_are_one_sentence(unigs, words, sentence):
    run, _ = unigs
    done = run(*words)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert sentence in line


def test_every_stage_has_its_name():
    assert {module: name for name, module in STAGES.items()} == COMMAND_LINES


def test_stages_are_listed_and_explain_themselves(unigs):
    run, _ = unigs
    listed = run("stage").stdout
    assert re.findall(r"^  (\w+) +python -m ([\w.]+)$", listed, re.M) == list(STAGES.items())
    helped = run("stage", "plot", "--help")
    assert helped.returncode == 0 and "usage: unigs stage plot" in helped.stdout


def test_a_failing_workflow_hands_its_code_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "ensure_equipment", lambda: None)
    monkeypatch.setattr(command, "snakemake", lambda words: [sys.executable, "-c", "exit(7)"])
    with pytest.raises(SystemExit) as stopped:
        command.make([], "1")
    assert stopped.value.code == 7
