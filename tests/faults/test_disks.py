"""A disk that is full, or takes nothing: one sentence, and what was there is as it was."""

import shutil

import pytest

from tests.faults.cases_files import EYES, HEAR, POSE, TRAIN
from tests.support.faults import run, sentence, snapshot
from tests.support.full_disk import full_disk, read_only_disk
from tests.support.tiny_workflow import LANDMARKS, tiny_subject, workflow
from tests.support.tiny_workflow import POSE as POSE_FILE

STAGES = {
    "encode_speech": f"{HEAR} --backend logmel --out '{{}}/features.npz'",
    "measure_eyes": f"{EYES} good/landmarks.npz --out '{{}}/eyes.csv'",
    "fit_pose": f"{POSE} good/landmarks.npz --shape-frames 9 --out '{{}}/pose.npz'",
    "train_static": f"{TRAIN} --points 200 --out '{{}}/portrait.safetensors'",
}
"""Stage -> its command, with a place for the folder of its results."""


def fill_up(folder):
    """Fill a disk to its last byte with a file of the user."""
    try:
        with open(folder / "mine", "wb", buffering=0) as file:
            while True:
                file.write(bytes(512))
    except OSError:
        pass


@pytest.mark.faults
@pytest.mark.parametrize("name", STAGES)
def test_a_full_disk_is_said_and_nothing_is_lost(work, tmp_path, capfd, tried, name):
    with full_disk(tmp_path, kilobytes=128) as folder:
        fill_up(folder)
        before = snapshot(folder), snapshot(work / "good")
        code, text = run(STAGES[name].format(folder), work, capfd)
        said = sentence(text)
        assert code == 2 and "Traceback" not in text, text
        assert f"could not be written, the disk of {folder} is full: make room and run" in said
        assert (snapshot(folder), snapshot(work / "good")) == before
    tried("Disks", f"a full disk for the results of {name}", said=said.replace(f"{tmp_path}/", ""),
          do="make room, and type the same command again")  # fmt: skip


@pytest.mark.parametrize("name", ["train_static"])
def test_a_full_folder_for_temporary_files_is_said(work, tmp_path, monkeypatch, capfd, tried, name):
    with full_disk(tmp_path, kilobytes=128) as folder:
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        before = snapshot(folder), snapshot(work)
        code, text = run(STAGES[name].format("out"), work, capfd)
        said = sentence(text)
        assert code == 2 and "Traceback" not in text, text
        assert f"the temporary folder {folder} has" in said and "set TMPDIR to a folder on" in said
        assert (snapshot(folder), snapshot(work)) == before
    tried("Disks", f"a full TMPDIR for {name}", said=said.replace(f"{tmp_path}/", ""),
          do="`export TMPDIR=/a/larger/disk`")  # fmt: skip


@pytest.mark.faults
@pytest.mark.parametrize("name", STAGES)
def test_results_that_take_nothing_are_said(work, tmp_path, capfd, tried, name):
    def fill(folder):
        (folder / "mine").write_text("mine")

    (tmp_path / "disk").mkdir()
    with read_only_disk(tmp_path / "disk", fill) as folder:
        before = snapshot(folder), snapshot(work / "good")
        code, text = run(STAGES[name].format(folder), work, capfd)
        said = sentence(text)
        assert code == 2 and "Traceback" not in text, text
        assert "cannot be written (Read-only file system): let people write to its folder" in said
        assert (snapshot(folder), snapshot(work / "good")) == before
    tried("Disks", f"a read-only disk for the results of {name}",
          said=said.replace(f"{tmp_path}/", ""), do="look at the rights of the folder")  # fmt: skip


@pytest.mark.faults
def test_a_workflow_whose_results_take_nothing_says_so(good, tmp_path, tried):
    work = tiny_subject(tmp_path / "work", good)
    (work / POSE_FILE).unlink()
    shutil.move(work / "results", tmp_path / "kept")
    (work / "results").mkdir()

    def fill(folder):
        shutil.copytree(tmp_path / "kept", folder, dirs_exist_ok=True)

    with read_only_disk(work / "results", fill) as folder:
        before = snapshot(folder)
        done = workflow(work, POSE_FILE)
        text = done.stdout + done.stderr
        assert done.returncode == 1 and "Traceback" not in text, text
        assert snapshot(folder) == before and (work / LANDMARKS).is_file()
        said = sentence(text)
        assert said.startswith("results/ann cannot be written (Read-only file system): run in a")
    tried("Disks", "a workflow whose results are read-only", "snakemake", said,
          do="look at the rights of `results/`")  # fmt: skip
