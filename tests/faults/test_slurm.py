"""The shipped profile on a real SLURM: what jobs ask for, scancel, a node that is lost.

The cluster keeps no accounts. One run tells the whole story, of some minutes; most of them are the
executor's pauses.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.support import slurm
from tests.support.slurm import Cluster, Job, wait_for
from tests.support.tiny_workflow import working_directory
from tests.support.workflow import REPO, rules
from unigs.pretrained.auto import DETECTORS

pytestmark = pytest.mark.faults
PROFILE = yaml.safe_load((REPO / "workflow/profiles/slurm/config.yaml").read_text())
CONFIG = {
    "subjects": "people.tsv",
    "demo": {"seconds": 6, "size": 96, "strands": 60},
    "crop": {"size": 96},
    "speech": {"backend": "logmel"},
    "static": {"iterations": 2500, "points": 800, "max_gaussians": 1500, "evaluate_every": 2500},
    "dynamic": {"iterations": 600, "evaluate_every": 600},
    "tables": {"overview": {"variants": ["unigs"]}},
    "run_tables": "overview",
}
STATIC, DYNAMIC = "logs/train_static/ann/unigs.log", "logs/train_dynamic/ann/unigs.log"
LONGEST = 900
"""Seconds for any part of the story, on a busy machine."""


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="needs the extra slurm")
    if reason := slurm.missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        made = Cluster(Path(folder))
        try:
            try:
                made.start()
            except (AssertionError, TimeoutError) as error:
                warnings.warn(f"SLURM is installed and does not come up: {error}", stacklevel=1)
                pytest.skip(f"SLURM does not come up here: {error}")
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def work(tmp_path_factory, real_model) -> Path:
    """A working directory whose subject is a small synthetic speaker."""
    folder = tmp_path_factory.mktemp("a cluster's folder")
    working_directory(folder, CONFIG, "synthetic")
    real_model(DETECTORS)
    return folder


def start(cluster: Cluster, work: Path, *words: str) -> subprocess.Popen:
    """Start Snakemake as on a login node, with the shipped profile as it is.

    Args:
        cluster: the cluster.
        work: working directory.
        words: further words.
    """
    quick = ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "1"]
    quick += ["--seconds-between-status-checks", "1"]
    command = [sys.executable, "-m", "snakemake", "--snakefile", f"{REPO}/workflow/Snakefile"]
    command += ["--workflow-profile", f"{REPO}/workflow/profiles/slurm", "--profile", "none"]
    with open(work / "snakemake.log", "w") as log:
        return cluster.popen(*command, *quick, *words, cwd=work, stdout=log, stderr=log)


@dataclass(frozen=True)
class Story:
    """What a run of the workflow with two accidents left behind."""

    code: int
    said: str
    jobs: list[Job]
    work: Path
    lost: Job
    """The dynamic stage, when its node went."""


@pytest.fixture(scope="module")
def story(cluster, work) -> Story:
    """The whole workflow: the static stage is cancelled, the node of the dynamic one is lost."""
    run = start(cluster, work)

    def training(rule: str, log: str, after: int = 0) -> Job | None:
        """The job of a stage that is at its steps."""
        assert run.poll() is None, (work / "snakemake.log").read_text()
        job, log = cluster.job_of(rule, "RUNNING"), work / log
        begun = job and job.number > after and log.is_file() and "train " in log.read_text()
        return job if begun else None

    try:
        first = wait_for("the static stage", LONGEST, lambda: training("train_static", STATIC))
        time.sleep(2)
        cluster.run("scancel", str(first.number))
        again = lambda: training("train_static", STATIC, first.number)  # noqa: E731
        wait_for("the static stage again", LONGEST, again)
        lost = wait_for("the dynamic stage", LONGEST, lambda: training("train_dynamic", DYNAMIC))
        cluster.lose_node(lost.node)
        code = run.wait(timeout=LONGEST)
    finally:
        run.kill()
    (work / "jobs.txt").write_text("\n".join(job.text for job in cluster.jobs()))
    return Story(code, (work / "snakemake.log").read_text(), cluster.jobs(), work, lost)


def test_the_workflow_ends_well_in_spite_of_both(story, tried):
    assert story.code == 0, story.said
    assert (story.work / "results/index.html").is_file()
    assert len(pd.read_csv(story.work / "results/tables/overview.csv"))
    assert "steps (100%) done" in story.said


def asked(story: Story, rule: str) -> Job:
    return next(job for job in story.jobs if job.rule == rule)


def memory(job: Job) -> float:
    """Memory that a job asked for, in MB."""
    number, unit = re.fullmatch(r"([\d.]+)([MG])", job.asked["mem"]).groups()
    return float(number) * {"M": 1, "G": 1024}[unit]


def test_rules_ask_for_what_they_say(story):
    """GPU rules for a card of the partition `gpu`, others for none; processors, memory, time."""
    cards = {job.rule: (job.cards, job.partition) for job in story.jobs}
    gpu = {"train_static", "train_dynamic", "test", "measure_speed"}
    assert {rule for rule, (number, _) in cards.items() if number} == gpu
    assert all(cards[rule] == (1, "gpu") for rule in gpu)
    assert all(partition == "cpu" for number, partition in cards.values() if not number)
    text = dict(rules())
    for rule in ("train_static", "train_dynamic", "measure_speed"):
        said = dict(re.findall(r"(threads|mem_mb|runtime)[:=] ?(\d+)", text[rule]))
        job = asked(story, rule)
        assert int(job.asked["cpu"]) == int(said["threads"])
        assert memory(job) == pytest.approx(int(said["mem_mb"]), rel=0.01)
        assert job.minutes == int(said["runtime"])


def test_what_belongs_together_waits_once(story):
    """Preparation and judging are a job each; Snakemake's own machine collects the results."""
    submitted = [job.rule for job in story.jobs]
    assert submitted.count("prepare") == submitted.count("test") == 1
    grouped = {rule for rule in PROFILE["groups"]}
    assert not grouped & set(submitted)
    assert asked(story, "prepare").asked["cpu"] == "5", "all that it does at once"
    prepared = [rule for rule, group in PROFILE["groups"].items() if group == "prepare"]
    assert all((story.work / "logs" / rule).is_dir() for rule in prepared)
    assert len(submitted) <= 7 + 1


def test_what_no_node_has_is_said_before_anything_is_submitted(cluster, work, tried):
    before = len(cluster.jobs())
    # What stands on the command line takes the place of what the profile says of resources.
    too_much = ["--set-threads", "train_static=9", "--set-resources"]
    too_much += ["train_dynamic:runtime=1500", "train_dynamic:slurm_partition=gpu"]
    too_much += ["train_static:slurm_partition=gpu"]
    code = start(cluster, work, "--forceall", "train", *too_much).wait(timeout=LONGEST)
    said = (work / "snakemake.log").read_text()
    assert code == 1 and "Traceback" not in said
    assert "train_static asks for 9 CPUs, and the nodes of partition gpu have 8" in said
    assert "train_dynamic asks for 1500 minutes" in said
    assert len(cluster.jobs()) == before
    tried("SLURM", "a job asks for CPUs, or time, that no node has", said=said.splitlines()[-1])


def test_a_cancelled_training_is_submitted_again_and_resumes(story, tried):
    trainings = [job for job in story.jobs if job.rule == "train_static"]
    assert [job.state for job in trainings] == ["CANCELLED", "COMPLETED"]
    log = (story.work / STATIC).read_text()
    step = int(re.search(r"resuming from .*last\.ckpt at step (\d+)", log)[1])
    assert 0 < step < CONFIG["static"]["iterations"]
    record = json.loads((story.work / "results/ann/unigs/static/run.json").read_text())
    assert record["summary"]["steps"] == CONFIG["static"]["iterations"]
    tried("SLURM", "a training is ended by `scancel`", "scancel JOB", lost="nothing")


def test_a_training_lost_with_its_node_is_done_again_elsewhere(story, tried):
    trainings = [job for job in story.jobs if job.rule == "train_dynamic"]
    assert trainings[-1].state == "COMPLETED" and trainings[-1].node != story.lost.node
    # SLURM puts it back into the queue itself, so that nothing counts as a retry of Snakemake.
    assert [job.number for job in trainings] == [story.lost.number]
    assert trainings[0].restarts == 1
    record = json.loads((story.work / "results/ann/unigs/dynamic/run.json").read_text())
    assert record["summary"]["steps"] == CONFIG["dynamic"]["iterations"]
    again = "the steps since the last minute are taken again"
    tried("SLURM", "a node is lost with the training on it", said=again)


CLAIM = "import os; from unigs.compute.cards import claim_card as c; c(1); print(os.environ['{}'])"


def test_a_job_takes_the_card_that_the_queue_gives_it(cluster, tmp_path):
    """Two at once, each on a node of its own, whose only card has the number 0: none waits for a
    lock, though the made-up nodes share a folder of locks."""
    out = [tmp_path / f"{k}.txt" for k in range(2)]
    program = f'{sys.executable} -c "{CLAIM.format("CUDA_VISIBLE_DEVICES")}" && sleep 2'
    words = ["--partition=gpu", "--gpus=1", "--cpus-per-task=8", f"--export=ALL,PYTHONPATH={REPO}"]
    for path in out:
        cluster.run(
            "sbatch", "--comment=rule_claim_wildcards_x", *words, "-o", path, "--wrap", program
        )

    def done() -> bool:
        jobs = [job for job in cluster.jobs() if job.rule == "claim"]
        assert not {"FAILED"} & {job.state for job in jobs}, [path.read_text() for path in out]
        return {job.state for job in jobs} == {"COMPLETED"}

    wait_for("both jobs", 120, done)
    assert [path.read_text() for path in out] == ["0\n", "0\n"]
