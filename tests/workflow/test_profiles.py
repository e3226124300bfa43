"""Profiles: one machine, and a SLURM cluster, where jobs that belong together wait once."""

import os
import re
from pathlib import Path

import pytest
import yaml

from tests.support.workflow import FAKE_PYTHON, REPO, rules, snakemake, stand_in


def profile(name: str) -> dict:
    return yaml.safe_load((REPO / f"workflow/profiles/{name}/config.yaml").read_text())


@pytest.fixture(scope="module")
def slurm() -> dict:
    return profile("slurm")


def test_one_machine_takes_one_gpu_job_at_a_time():
    default = profile("default")
    assert default["resources"] == {"gpu": 1} and default["scheduler"] == "greedy"


def test_a_cluster_is_asked_by_its_queue_and_results_are_compared_by_content(slurm):
    """Where sacct says nothing, the executor would wait for ever for jobs that are done."""
    assert slurm["executor"] == "slurm" and slurm["slurm-status-command"] == "squeue"
    for settings in (slurm, profile("default")):
        assert settings["max-checksum-file-size"] == "10GB" and settings["rerun-incomplete"]


def inherited() -> list[tuple[str, str]]:
    """Rules that are made of others: the other's name, and its own."""
    text = "".join(block for _, block in rules())
    return re.findall(r"^use rule (\w+) as (\w+)", text, re.M)


def test_rules_with_a_gpu_and_all_of_a_group_have_one_partition(slurm):
    known = dict(rules())
    gpu_rules = {name for name, block in known.items() if re.search(r"^\s+gpu=1,", block, re.M)}
    # A rule that is made of another one inherits what that asks for.
    gpu_rules |= {new for old, new in inherited() if old in gpu_rules}
    assert gpu_rules <= set(slurm["set-resources"]) <= set(known) | {n for _, n in inherited()}
    assert set(slurm["groups"]) <= set(known)
    partitions = {name: slurm["set-resources"].get(name) for name in slurm["groups"]}
    for group in set(slurm["groups"].values()):
        members = [name for name, of in slurm["groups"].items() if of == group]
        assert all(partitions[name] == partitions[members[0]] for name in members), group


STAND_INS = {
    # Runs a job at once, and keeps its state where squeue finds it.
    "sbatch": """
id=$(($(cat "$QUEUE/last" 2>/dev/null || echo 0) + 1)); echo $id > "$QUEUE/last"
for word in "$@"; do
    case "$word" in --wrap=*) wrap=${word#--wrap=} ;; *) line="$line $word" ;; esac
done
echo "$line" >> "$QUEUE/submitted"; echo RUNNING > "$QUEUE/job.$id"
( export SLURM_JOB_ID=$id; bash -c "$wrap" > "$QUEUE/log.$id" 2>&1 && state=COMPLETED
  echo ${state:-FAILED} > "$QUEUE/job.$id" ) > /dev/null 2>&1 < /dev/null &
echo $id
""",
    "squeue": 'for file in "$QUEUE"/job.*; do echo "${file##*.}|$(cat "$file")"; done',
    "srun": 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"',
    "scontrol": 'echo "MinJobAge = 300 sec"',
    # A cluster without accounting: these are there, and say nothing.
    **dict.fromkeys(("sacct", "sacctmgr", "sshare", "sinfo", "scancel"), "exit 0"),
}


@pytest.mark.faults
def test_a_queue_gets_few_jobs_with_what_they_need(checkout, tmp_path):
    """One portrait by the shipped profile on a cluster without accounting, by stand-ins for it.

    Some minutes, most of them the executor's pauses.
    """
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm", reason="needs the extra slurm")
    (tmp_path / "bin").mkdir()
    (tmp_path / "queue").mkdir()
    for name, text in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    stand_in(tmp_path / "resources/models")  # the run lives here, not in the checkout
    script = tmp_path / "python.sh"
    script.write_text(FAKE_PYTHON)
    arguments = ["--snakefile", str(checkout / "workflow/Snakefile"), "--directory", str(tmp_path)]
    arguments += ["--workflow-profile", str(REPO / "workflow/profiles/slurm")]
    arguments += ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "1"]
    run = "results/bea/unigs"
    done = snakemake(
        f"{run}/test/sheet.png", f"{run}/figures/curve.svg", *arguments, cwd=checkout,
        BASH_ENV=str(script), QUEUE=str(tmp_path / "queue"),
        PYTHONPATH=str(Path(plugin.__file__).parents[1]),
        PATH=f"{tmp_path}/bin:{os.environ['PATH']}",
    )  # fmt: skip
    lines = (tmp_path / "queue/submitted").read_text().splitlines()
    assert len(lines) == 4, done.stderr  # preparation, both stages, test
    assert ["-p gpu" in line for line in lines] == [False, True, True, True]
    assert ["--gpus=1" in line for line in lines] == [False, True, True, True]
    assert not list((tmp_path / "results/bea").glob("*/*/speed.json"))
