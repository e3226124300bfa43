"""Many subjects in many variants: the plan stays readable, and its commands can be run."""

import re

import pytest
import yaml

from tests.support.workflow import REPO, jobs_of, rules, snakemake

SUBJECTS, VARIANTS = 10, 10
LONGEST_WORD = 128 * 1024
"""Bytes of one word of a command that Linux takes; a job's command is one word of bash."""


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> str:
    """What a dry run says of a hundred portraits."""
    work = tmp_path_factory.mktemp("many")
    names = [f"person_{k:02d}" for k in range(SUBJECTS)]
    rows = [f"{name}\tlonghair\t{name}.mp4" for name in names]
    (work / "people.tsv").write_text("\n".join(["subject\tdataset\tvideo", *rows]))
    for name in names:
        (work / f"{name}.mp4").write_text(name)
    variants = list(yaml.safe_load((REPO / "config/config.yaml").read_text())["variants"])
    config = {"subjects": "people.tsv", "run_tables": ["many"]}
    config["tables"] = {"many": {"variants": variants[:VARIANTS]}}
    (work / "more.yaml").write_text(yaml.safe_dump(config))
    snakefile = ["--snakefile", str(REPO / "workflow/Snakefile"), "--configfile", "more.yaml"]
    done = snakemake("--dry-run", "--printshellcmds", *snakefile, cwd=work)
    return done.stdout + done.stderr


def test_a_plan_is_some_lines_for_each_job(plan):
    """It was 3 kB for each when the modules of its code stood there as files."""
    jobs = sum(jobs_of(plan).values())
    assert jobs > 7 * SUBJECTS * VARIANTS / 2
    assert len(plan) / jobs < 2300


def test_the_longest_command_fits_for_five_times_as_many(plan):
    commands = re.findall(r"(?:Shell command: +)?(python -m unigs\..*)", plan)
    assert len(commands) > 100
    assert 5 * max(map(len, commands)) < LONGEST_WORD


def test_a_queue_gets_fewer_than_1900_submissions_for_five_times_as_many(plan):
    """Jobs of a group are one, and what collects figures runs beside Snakemake: 3,700 jobs else."""
    jobs = jobs_of(plan)
    groups = yaml.safe_load((REPO / "workflow/profiles/slurm/config.yaml").read_text())["groups"]
    local = {name for name, block in rules() if "localrule: True" in block}
    alone = sum(jobs[name] for name, _ in rules() if name not in {*local, *groups})
    assert jobs["crop_clip"] == SUBJECTS and jobs["render_test"] == SUBJECTS * VARIANTS
    submissions = alone + jobs["crop_clip"] + jobs["render_test"]
    assert SUBJECTS * VARIANTS < 5 * submissions < 1900
