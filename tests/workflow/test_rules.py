"""The workflow plans what it is asked for, and says in a sentence what stands in the way."""

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.support.workflow import FAKE_PYTHON, REPO, planned, snakemake, stand_in
from unigs.media.video import VideoWriter

TARGETS = ["all", "prepare", "train", "tables", "videos"]
PREPARATION = {"crop_clip", "detect_landmarks", "screen_clip", "extract_audio", "encode_speech"}
PREPARATION |= {"measure_eyes", "fit_pose", "segment_regions", "track_body"}


# What is planned


def test_default_target_trains_what_the_tables_name(checkout):
    jobs = planned(cwd=checkout)
    assert jobs == planned("all", cwd=checkout)
    # ann: unigs, grid_l24_f1, unigs_plus; bea: unigs, unigs_plus.
    assert jobs["train_dynamic"] == jobs["evaluate"] == jobs["measure_speed"] == 5
    # grid_l24_f1 starts from the static portrait of its base.
    assert jobs["train_static"] == 4
    assert {rule: jobs[rule] for rule in PREPARATION} == dict.fromkeys(PREPARATION, 2)
    assert jobs["make_speaker"] == 1 and jobs["fetch_video"] == 0
    assert jobs["collate"] == 2, "tables without a subject are left out"
    assert jobs["drive"] == 2


def test_the_rival_is_trained_once_and_judged_twice(checkout):
    """Over its own torso, and over the true one."""
    tables = {"twin": {"variants": ["unigs", "separate", "separate_pasted"]}}
    overlay = ["--config", f"tables={json.dumps(tables)}", 'run_tables=["twin"]']
    jobs = planned("results/tables/twin.csv", *overlay, cwd=checkout)
    assert jobs["train_static"] == jobs["train_dynamic"] == 4  # of two subjects
    assert jobs["render_test"] == jobs["evaluate"] == 6
    told = snakemake("-n", "results/tables/twin.csv", *overlay, cwd=checkout).stdout
    assert told.count("--torso pasted") == 4 and told.count("--fields separate") == 2
    for flag in re.findall(r"--portrait (\S+separate\S+)", told):
        assert flag.endswith("/separate/dynamic/portrait.safetensors")


def test_a_plan_lists_no_files_of_code(checkout):
    done = snakemake("--dry-run", cwd=checkout)
    jobs = re.findall(r"^ +(?:input|reason): .*", done.stdout, flags=re.M)
    assert len(jobs) > 50 and not [line for line in jobs if ".py" in line or "unigs." in line]


@pytest.mark.parametrize("target", TARGETS[1:])
def test_every_target_can_be_asked_for(checkout, target):
    jobs = planned(target, cwd=checkout)
    wanted = {
        "prepare": {"fit_pose", "segment_regions", "encode_speech", "track_body"},
        "train": {"train_static", "train_dynamic"},
        "tables": {"evaluate", "collate"},
        "videos": {"render_test", "drive"},
    }
    assert wanted[target] <= set(jobs)
    assert ("train_static" in jobs) == (target != "prepare")


def test_the_model_of_auto_is_an_input_of_what_hears_with_it(checkout, tmp_path):
    model = tmp_path / "whisper-tiny-en.safetensors"
    model.write_bytes(b"not looked into")
    stand_in(tmp_path)
    told = snakemake("-n", cwd=checkout).stdout
    assert "--backend logmel --model ''" in told and str(model) not in told
    told = snakemake("-n", cwd=checkout, UNIGS_MODELS=str(tmp_path)).stdout
    assert f"--backend whisper --model {model}" in told and "--backend logmel" not in told
    hearing = {
        job.split(":")[0]
        for job in re.split(r"^(?:local)?rule ", told, flags=re.M)[1:]
        if re.search(rf"^ +input: .*{re.escape(str(model))}", job, flags=re.M)
    }
    listeners = {"encode_speech", "drive", "export_player", "measure_speed", "compare_voices"}
    assert hearing == listeners


def test_own_clip_needs_no_sheet(checkout, tmp_path):
    clip = tmp_path / "My Clip (final): 2.mp4"
    clip.write_bytes(b"")
    (checkout / "sounds here").mkdir()
    (checkout / "sounds here/hello.mp3").touch()
    overlay = ["--configfile", "config/presets/preview.yaml", "--config"]
    own = [f"{k}= {json.dumps(v)} " for k, v in (("clip", str(clip)), ("name", ""))]
    done = snakemake("-n", "all", *overlay, *own, "audio=sounds here/hello.mp3", cwd=checkout)
    assert "results/my_clip_final_2/unigs_plus/dynamic/portrait.safetensors" in done.stdout
    assert "results/ann/" not in done.stdout and "--size 256" in done.stdout
    assert f"--video '{clip}'" in done.stdout
    assert "--audio 'sounds here/hello.mp3'" in done.stdout and "drive/hello.mp4" in done.stdout


def test_another_video_under_the_same_name_is_refused_before_anything_runs(finished, edit):
    edit("config/subjects.tsv", lambda text: text.replace("ann's clip.mp4", "other.mp4"))
    (finished / "resources/videos/other.mp4").write_bytes(b"another")
    before = (finished / "results/ann/source.json").read_text()
    done = snakemake(cwd=finished, check=False)
    told = done.stdout + done.stderr
    old, new = "resources/videos/ann's clip.mp4", "resources/videos/other.mp4"
    assert done.returncode and "Traceback" not in told
    assert f"results/ann was made from {old} and not from {new}: choose another name" in told
    jobs = planned("--config", "replace=ann", cwd=finished)
    assert jobs["crop_clip"] == 1 and jobs["train_dynamic"] == 3
    assert (finished / "results/ann/source.json").read_text() == before


def test_portraits_made_one_after_another_stay_together(checkout, tmp_path):
    """Two clips in turn: the page and the table of the second run are told of the first."""
    script = tmp_path / "python.sh"
    script.write_text(FAKE_PYTHON)
    snakefile = ["--snakefile", str(checkout / "workflow/Snakefile"), "--printshellcmds"]
    (tmp_path / "silent.yaml").write_text("videos: {audio: []}")
    preset = str(REPO / "config/presets/preview.yaml")
    overlay = ["--configfile", preset, "silent.yaml", "--config"]
    for name in ("ann", "bea"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
        clip = [*snakefile, *overlay, f"clip={name}.mp4"]
        done = snakemake(*clip, cwd=tmp_path, BASH_ENV=str(script))
    first = "results/ann/unigs_plus/test/metrics.json"
    told = [line for line in done.stdout.splitlines() + done.stderr.splitlines() if first in line]
    modules = {re.search(r"python -m (\S+)", line)[1] for line in told}
    assert modules == {"unigs.evaluate.compare", "unigs.report.tables", "unigs.report.gallery"}
    assert all(f"--earlier {first}" in line for line in told)
    assert not planned(*clip, cwd=tmp_path), "what was made before is no target"


def test_the_report_holds_plots_and_test_sheets(finished):
    snakemake("--report", "report.zip", cwd=finished)
    with zipfile.ZipFile(finished / "report.zip") as archive:
        names = Counter(Path(name).name for name in archive.namelist())
        page = archive.read("report/report.html").decode()
    # Five runs, two subjects.
    plots = ("curve.svg", "quality.svg", "motion.svg", "regions.svg")
    assert {name: names[name] for name in plots} == dict.fromkeys(plots, 5)
    assert names["sheet.png"] == 5 + 2 and names["curves.png"] == 2
    assert not re.search(r"\d+ variants", page)


# Where it runs


def test_jobs_run_from_any_folder_with_any_path(checkout, tmp_path):
    """A real job in another working directory, with spaces, braces and quotes in its path."""
    source = tmp_path / "film.mp4"
    with VideoWriter(source, 64, 64, 25) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    work = tmp_path / "it's {here} now"
    (work / "config").mkdir(parents=True)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    (work / "people.tsv").write_text(
        f"subject\tdataset\tvideo\turl\tsha256\ncleo\tx\t\t{source.as_uri()}\t{digest}\n"
    )
    (work / "config/config.yaml").write_text("subjects: people.tsv\n")
    snakefile = str(checkout / "workflow/Snakefile")
    target = "resources/downloads/cleo.mp4"
    elsewhere = ["--snakefile", snakefile, "--directory", str(work)]
    snakemake(target, *elsewhere, cwd=tmp_path)
    assert (work / target).read_bytes() == source.read_bytes()
    log = (work / "logs/fetch_video/cleo.log").read_text()
    assert digest in log
    assert not planned(target, *elsewhere, cwd=tmp_path)


@pytest.mark.parametrize("method", ["apptainer", "env-modules"])
def test_deployment_without_a_container_is_told_and_runs_in_this_environment(
    checkout, tmp_path, method
):
    source = tmp_path / "film.mp4"
    with VideoWriter(source, 64, 64, 25) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "people.tsv").write_text(
        f"subject\tdataset\tvideo\turl\ncleo\tx\t\t{source.as_uri()}\n"
    )
    snakefile = str(checkout / "workflow/Snakefile")
    more = ["--snakefile", snakefile, "--sdm", method, "--config", "subjects=people.tsv"]
    target = "resources/downloads/cleo.mp4"
    # A PATH whose python, if it has one, is not this one.
    done = snakemake(target, *more, cwd=tmp_path, PATH="/usr/bin:/bin")
    assert (tmp_path / target).read_bytes() == source.read_bytes()
    assert f"--sdm {method}: no rule of UniGS names a container" in done.stdout + done.stderr


def test_a_failing_job_shows_its_sentence(checkout, tmp_path):
    (tmp_path / "people.tsv").write_text(
        "subject\tdataset\tvideo\turl\ncleo\tx\t\tfile:///nowhere/at/all.mp4\n"
    )
    snakefile = str(checkout / "workflow/Snakefile")
    more = ["--snakefile", snakefile, "--retries", "0", "--config", "subjects=people.tsv"]
    done = snakemake("resources/downloads/cleo.mp4", *more, cwd=tmp_path, check=False)
    assert done.returncode
    assert "error: file:///nowhere/at/all.mp4 cannot be fetched" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "sheet, config, sentence",
    [
        ("ann\tx\ta.mp4\nann\tx\tb.mp4", "", "ann stands twice in people.tsv."),
        (
            "ann\tx\ta.mp4",
            "dynamic: {lambda_motion: 1e-5}",
            "configuration: dynamic.lambda_motion: '1e-5' is not of type 'number': YAML reads it "
            "as text, write 1.0e-05",
        ),
        (
            "ann\tx\ta.mp4",
            "tables: {overview: {variants: [unigs_pluss]}}",
            "configuration: tables.overview.variants: there is no variant unigs_pluss, only unigs,",
        ),
        (
            "ann\tx\ta.mp4",
            "speech: {backend: deepspeech, model: no.pth}",
            "configuration: speech.model: there is no file no.pth: put it there, or correct the",
        ),
    ],
)
def test_mistakes_stop_with_a_sentence(checkout, tmp_path, sheet, config, sentence):
    (tmp_path / "people.tsv").write_text(f"subject\tdataset\tvideo\n{sheet}\n")
    (tmp_path / "more.yaml").write_text(f"subjects: people.tsv\n{config}\n")
    snakefile = str(checkout / "workflow/Snakefile")
    more = ["--snakefile", snakefile, "--configfile", "more.yaml"]
    done = snakemake("-n", *more, cwd=tmp_path, check=False)
    assert done.returncode
    text = done.stdout + done.stderr
    assert f"\n{sentence}" in text
    assert not re.search(r"Traceback|line \d+|\.smk", text), "frames of the Snakefile"


def test_results_that_cannot_be_written_are_a_sentence(checkout, tmp_path):
    """A link to nowhere does to root what a read-only disk does to people."""
    (tmp_path / "ann.mp4").touch()
    (tmp_path / "results").symlink_to("nowhere/at/all")
    target = ["resources/models/lpips-alex.safetensors", "--config", "clip=ann.mp4"]
    snakefile = ["--snakefile", str(checkout / "workflow/Snakefile")]
    done = snakemake(*target, *snakefile, cwd=tmp_path, check=False)
    text = done.stdout + done.stderr
    assert done.returncode and "\nresults/ann cannot be written (File exists): run in" in text
    assert not re.search(r"Traceback|line \d+|\.smk", text), "frames of the Snakefile"


def test_lint(checkout):
    assert "Congratulations" in snakemake("--lint", cwd=checkout).stderr
    formatted = ["snakefmt", "--check", "workflow", "--config", "pyproject.toml"]
    subprocess.run([sys.executable, "-m", *formatted], cwd=REPO, check=True, capture_output=True)
