"""Bad days of a whole workflow: two at a time, vanishing inputs, odd clocks, deletions."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.support.faults import snapshot
from tests.support.tiny_workflow import LANDMARKS, POSE, SPEECH, STATIC, tiny_subject, workflow
from tests.support.workflow import REPO
from unigs.subject.features import HeadPoses

pytestmark = pytest.mark.faults
AREA = "Whole workflows"
YEAR = 365 * 86400


@pytest.fixture
def work(good, tmp_path):
    """A prepared subject without poses and speech features."""
    folder = tiny_subject(tmp_path / "work", good)
    (folder / POSE).unlink()
    (folder / SPEECH).unlink()
    return folder


def before_jobs(folder, commands: str) -> dict[str, str]:
    """Variables that let bash run commands before each job's own program.

    Args:
        folder: where to keep them.
        commands: of bash.
    """
    script = folder.parent / "before.sh"
    script.write_text(f'python() {{ {commands}; command python "$@"; }}\n')
    return {"BASH_ENV": str(script)}


def partial(folder) -> list[str]:
    """Hidden files below results: half-written ones have such names."""
    return [path.name for path in (folder / "results").rglob(".*")]


def last_words(text: str) -> str:
    """What a failed run says at its end about its stages."""
    return text.split("What went wrong:")[1].split("Complete log(s)")[0].strip()


def said_of(text: str) -> str:
    """The same without the name of the rule and of its log."""
    return re.sub(r"^\w+: | \(logs/[^)]*\)$", "", last_words(text))


def test_a_failing_rule_shows_the_sentence_of_its_stage(work, tried):
    (work / LANDMARKS).write_text("no archive")
    os.utime(work / LANDMARKS, (time.time() - 990, time.time() - 990))
    (work / "results/ann/clip/frames.csv").touch()
    done = workflow(work, POSE, SPEECH, "--keep-going")
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in text
    assert text.count(f"error: {LANDMARKS} is damaged") == 2, "in the logs that Snakemake shows"
    for rule in ("fit_pose", "encode_speech"):
        assert re.search(rf"^  {rule}: {LANDMARKS} is damaged, .*: delete it and make it anew\. "
                         rf"\(logs/{rule}/ann\.log\)$", text, flags=re.M)  # fmt: skip
    assert not (work / POSE).exists() and not (work / SPEECH).exists() and not partial(work)
    said = (
        f"{LANDMARKS} is damaged, or no .npz archive of plain arrays: delete it and make it anew."
    )
    tried(AREA, "a result that was damaged by hand", "snakemake", said,
          do="delete the file that is named, and run the same command again")  # fmt: skip


@pytest.mark.parametrize(
    "what, damage, says",
    [
        ("vanishes", "rm -f {}", r"landmarks\.npz does not exist: run the stage that makes it"),
        ("is cut off", "truncate -s 3000 {}", r"landmarks\.npz is damaged, or no \.npz archive"),
        ("is emptied", ": > {}", r"landmarks\.npz is damaged, or no \.npz archive"),
        (
            "becomes another file",
            "cp people.tsv {}",
            r"landmarks\.npz is damaged, or no \.npz arch",
        ),
        ("becomes a folder", "rm -f {0}; mkdir {0}", r"landmarks\.npz cannot be read \(Is a dir"),
    ],
)
def test_an_input_that_changes_between_plan_and_job_is_named(work, tried, what, damage, says):
    done = workflow(work, POSE, **before_jobs(work, damage.format(LANDMARKS)))
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in text, text
    assert re.search(says, last_words(text))
    assert not (work / POSE).exists() and not partial(work)
    kept = snapshot(work / "results/ann/clip") | snapshot(work / "results/ann/body")
    assert len(kept) == 4, "others are there"
    tried(AREA, f"an input that {what} as its job starts", "snakemake", said_of(text),
          do="make the file that is named anew: `snakemake FILE`")  # fmt: skip


def test_a_training_meets_a_damaged_clip(work, good, tried):
    damage = "truncate -s 200000 results/ann/clip/video.mp4"
    shutil.copy(good / "pose.npz", work / POSE)
    done = workflow(work, STATIC, **before_jobs(work, damage))
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in text, text
    assert not (work / STATIC).exists() and not partial(work)
    tried(AREA, "a clip that is cut off as its training starts", "snakemake", said_of(text),
          do="delete `clip/video.mp4`, and run the same command again")  # fmt: skip


@contextlib.contextmanager
def started(work):
    """A workflow whose job has begun, and waits for the file `go`."""
    variables = before_jobs(work, "until [ -e go ]; do sleep 0.2; done")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", POSE, "--rerun-triggers", "mtime"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
    first = subprocess.Popen(
        [*command, "--snakefile", f"{REPO}/workflow/Snakefile"],
        cwd=work,
        env=environment | {"UNIGS_MODELS": f"{work}/models", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert any("rule fit_pose:" in line for line in first.stdout), "it did not begin"
        yield first
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        first.stdout.close()


def test_two_workflows_in_one_folder(work, tried):
    with started(work) as first:
        second = workflow(work, POSE)
        text = second.stdout + second.stderr
        assert second.returncode == 1 and "Traceback" not in text, text
        assert "Directory cannot be locked" in text and "--unlock" in text
        assert not (work / POSE).exists() and first.poll() is None, "the first is at it"
        (work / "go").touch()
        first.stdout.read()
        assert first.wait() == 0
    assert len(HeadPoses.read(work / POSE)) == 154
    assert workflow(work, POSE).returncode == 0, "the lock is gone"
    tried(
        AREA, "two workflows in one folder", "snakemake", "Error: Directory cannot be locked.",
        do="wait for the other one; if there is none, `snakemake --unlock`",
    )  # fmt: skip


def test_a_lock_of_a_killed_workflow(work, tried):
    with started(work) as first:
        os.killpg(first.pid, signal.SIGKILL)
    (work / "go").touch()
    locked = workflow(work, POSE)
    assert locked.returncode == 1 and "Directory cannot be locked" in locked.stdout + locked.stderr
    assert workflow(work, "--unlock").returncode == 0
    assert workflow(work, POSE).returncode == 0
    assert len(HeadPoses.read(work / POSE)) == 154 and not partial(work)
    tried(
        AREA, "a workflow that was killed (kill -9), and its lock", "snakemake",
        "Error: Directory cannot be locked.", do="`snakemake --unlock`, then the same command",
    )  # fmt: skip


def shift(work, years: int) -> None:
    """Give all files the times of another year."""
    for path in work.rglob("*.*"):
        if path.is_file():
            moved = max(0, path.stat().st_mtime + years * YEAR)
            os.utime(path, (moved, moved))


@pytest.mark.parametrize("years", [-60, -1], ids=lambda n: f"{n} years")
def test_files_from_the_past(work, tried, years):
    """As after a clock without battery; a second run has nothing to do."""
    shift(work, years)
    before = snapshot(work)
    done = workflow(work, POSE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(HeadPoses.read(work / POSE)) == 154
    assert {k: v for k, v in snapshot(work).items() if k in before} == before
    again = workflow(work, POSE, "--dry-run")
    assert again.returncode == 0 and "Nothing to be done" in again.stdout + again.stderr
    tried(AREA, f"a clock that was {-years} years behind when the inputs were made", "snakemake")


def test_files_from_the_future(work, tried):
    """A clock that was ahead, and has been put right: Snakemake refuses, until they are touched."""
    shift(work, 1)
    before = snapshot(work)
    done = workflow(work, POSE)
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in text
    assert "has older modification time" in text and "clock skew" in text
    assert not (work / POSE).exists() and not partial(work)
    assert {k: v for k, v in snapshot(work).items() if k in before} == before
    shift(work, -1)
    assert workflow(work, POSE).returncode == 0
    assert len(HeadPoses.read(work / POSE)) == 154
    said = f"Output {POSE} has older modification time than input (...): a clock skew problem"
    tried(AREA, "a clock that was a year ahead when the inputs were made", "snakemake", said,
          do="`find results resources -newermt now -exec touch {} +`, then run again")  # fmt: skip


GIVEN = (
    "resources/audio/words.wav",
    "resources/videos/other.mp4",
    "resources/renders/er_nerf/ann.mp4",
    "resources/models/lpips-alex.safetensors",
    "resources/models/mediapipe-detectors.safetensors",
    "resources/downloads/bob.mp4",
    "results/ann/notes.txt",
)


def test_deleting_all_output_leaves_what_was_given(good, tmp_path, tried):
    config = {"videos": {"variants": ["unigs"], "audio": ["words"]}, "renders": {"er_nerf": {}}}
    work = tiny_subject(tmp_path / "work", good, **config)
    for name in GIVEN:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(b"mine")
    rows = "subject\tdataset\tvideo\turl\nann\town\tann.mp4\t\nbob\town\t\thttp://x/a.mp4\n"
    (work / "people.tsv").write_text(rows)
    made = {name for name in snapshot(work) if name.startswith("results/")} - {*GIVEN}
    before = snapshot(work)
    done = workflow(work, "--delete-all-output", UNIGS_MODELS="resources/models")
    after = snapshot(work)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(made) == 12 and set(before) - set(after) == made
    assert after == {name: before[name] for name in after}
    lost = "the results, as ordered; no clip, sound, render, download, model or note"
    said = "Deleting results/ann/clip/video.mp4 (and the other results)"
    tried(AREA, "--delete-all-output", "snakemake --delete-all-output", said, lost=lost)
