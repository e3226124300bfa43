"""Jobs on a machine with several GPUs never share one unasked; the cards here are made up."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from unigs.compute import cards
from unigs.compute.device import pick_device

REPO = Path(__file__).parents[2]
JOB = """
import logging, os, sys
from pathlib import Path
from unigs.compute import cards
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
cards.LOCKS, cards.PAUSE = Path(sys.argv[1]), 0.01
cards.claim_card(int(sys.argv[2]))
print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Start jobs that take a card and hold it until they are told to end."""
    jobs = []

    def job(count: int, **variables: str) -> subprocess.Popen:
        clean = {k: v for k, v in os.environ.items() if k not in (cards.VISIBLE, "SLURM_JOB_ID")}
        pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        command = [sys.executable, "-c", JOB, str(tmp_path), str(count)]
        environment = clean | {"PYTHONPATH": str(REPO)} | variables
        jobs.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        return jobs[-1]

    yield job
    for running in jobs:
        running.kill()
        running.communicate()


def card_of(job: subprocess.Popen) -> str:
    return job.stdout.readline().strip()


def test_eight_jobs_take_eight_cards(start):
    jobs = [start(8) for _ in range(8)]
    assert sorted(card_of(job) for job in jobs) == [str(k) for k in range(8)]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_card_is_free_when_its_job_ends(start, ending):
    first, second = start(2), start(2)
    freed, kept = card_of(first), card_of(second)
    assert {freed, kept} == {"0", "1"}
    third = start(2)
    assert "waiting for one" in third.stderr.readline()
    if ending is None:
        first.communicate("")
    else:
        first.send_signal(ending)
    assert card_of(third) == freed


def test_a_single_card_is_not_shared_either(start):
    first = start(1)
    assert card_of(first) == "0"
    second = start(1)
    assert "waiting for one" in second.stderr.readline()
    first.kill()
    assert card_of(second) == "0"


def test_a_card_that_the_scheduler_names_is_used_without_asking(start):
    holder = start(8)
    assert card_of(holder) == "0"
    for name in ("0", "3", "GPU-8f2b", "MIG-1/2/3"):
        assert card_of(start(1, CUDA_VISIBLE_DEVICES=name)) == name


def test_of_several_named_cards_each_job_takes_one(start):
    jobs = [start(3, CUDA_VISIBLE_DEVICES="5,7,GPU-8f2b") for _ in range(3)]
    assert {card_of(job) for job in jobs} == {"5", "7", "GPU-8f2b"}
    # The numbers 5 and 7 are those of the machine unless a scheduler gave them.
    scheduled = start(2, CUDA_VISIBLE_DEVICES="5,7", SLURM_JOB_ID="31")
    assert card_of(scheduled) == "5"


@pytest.mark.parametrize("visible", [None, "", "-1"])
def test_without_cards_nothing_is_taken(start, tmp_path, visible):
    given = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert card_of(start(0, **given)) == str(visible)
    assert not list(tmp_path.iterdir())


def test_files_of_others_are_locked_and_links_are_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "LOCKS", tmp_path)
    monkeypatch.delenv(cards.VISIBLE, raising=False)
    (tmp_path / "victim").touch()
    (tmp_path / "unigs-gpu-0").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError):
        cards.claim_card(1)


@pytest.fixture
def made_up_cards(tmp_path, monkeypatch):
    """Four cards of which torch reads the visible ones when it is first asked."""
    monkeypatch.setattr(cards, "LOCKS", tmp_path)
    monkeypatch.setattr(cards, "_held", [])
    monkeypatch.setenv(cards.VISIBLE, "0")
    monkeypatch.delenv(cards.VISIBLE)
    seen = []

    def is_available() -> bool:
        seen.append(os.environ.get(cards.VISIBLE))
        return True

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "made up")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    yield seen
    for handle in cards._held:
        os.close(handle)


@pytest.mark.parametrize("wish", ["auto", "cuda"])
def test_a_stage_takes_its_card_before_cuda_starts(made_up_cards, start, wish):
    other = start(4)
    assert card_of(other) == "0"
    assert pick_device(wish).type == "cuda" and made_up_cards == ["1"]
    assert pick_device(wish).type == "cuda" and made_up_cards == ["1", "1"]
    assert card_of(start(4)) == "2"


def test_a_stage_on_the_cpu_takes_no_card(made_up_cards, start):
    assert pick_device("cpu").type == "cpu" and made_up_cards == [None]
    assert card_of(start(1)) == "0"
