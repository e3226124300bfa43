"""`snakemake --cores 8 --resources gpu=1 all` runs as typed, and all else as Snakemake has it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake.cli import get_argument_parser

from tests.support.workflow import FAKE_PYTHON, REPO, jobs_of
from unigs.workflow.launcher import FILES, PAIRS, targets_first, write_launcher

ORDERED = "snakemake --cores 8 --resources gpu=1 all"


@pytest.mark.parametrize(
    "typed, passed",
    [
        ("--cores 8 --resources gpu=1 all", "all --cores 8 --resources gpu=1"),
        ("--resources gpu=1 mem_mb=9 a b -n", "a b --resources gpu=1 mem_mb=9 -n"),
        ("--config a=1 b=2 train -n", "train --config a=1 b=2 -n"),
        ("--set-threads x=4 all --res gpu=2 more", "all more --set-threads x=4 --res gpu=2"),
        ("--configfile a.yaml b.yml train", "train --configfile a.yaml b.yml"),
        ("--resources gpu=1 all -- b", "all --resources gpu=1 -- b"),
    ],
)
def test_swallowed_targets_come_first(typed, passed):
    assert targets_first(typed.split()) == passed.split()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "all --cores 8 --resources gpu=1",
        "--resources gpu=1 --cores 8 all",
        "--resources=gpu=1 all",
        "--resources all",  # a mistake, and Snakemake says which
        "--resources gpu",
        "--resources base64//Z3B1PTE= base64//bWVt",
        "-R train_dynamic train_static",
        "--forcerun train_dynamic -n",
        "--until a b --omit-from c",
        "--configfile missing",
        "-n all",
        "--quiet all",
        "--touch -- --resources all",
        "--help",
    ],
)
def test_other_arguments_stay_as_they_are(typed):
    assert targets_first(typed.split()) == typed.split()


@given(
    st.lists(st.sampled_from("-n --cores 8 all a=1 b.yaml -R x --resources gpu=1 -- -q".split()))
)
def test_no_word_is_lost_or_made_up(words):
    assert sorted(targets_first(words)) == sorted(words)
    assert targets_first(targets_first(words)) == targets_first(words)


def test_options_are_those_of_snakemake():
    """If this fails, Snakemake has other options: correct PAIRS and FILES."""
    actions = get_argument_parser()._option_string_actions
    several = {name: action for name, action in actions.items() if action.nargs in ("+", "*")}
    pairs = {name for name, action in several.items() if "=" in (action.metavar or "")}
    assert pairs | {"--groups", "--group-components"} == PAIRS
    assert set(actions["--configfile"].option_strings) == FILES
    assert several.keys() >= PAIRS | FILES


@pytest.fixture
def bin_folder(tmp_path) -> Path:
    """The folder of commands of an environment, at a path with a space and a quote."""
    folder = tmp_path / "my env's" / "bin"
    folder.mkdir(parents=True)
    (folder / "snakemake").write_text("what pip wrote")
    write_launcher(folder / "snakemake")
    return folder


def type_in(
    line: str, bin_folder: Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess:
    """What a shell does with a line where the environment is activated."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "PYTHONPATH"))}
    clean |= {"PATH": f"{bin_folder}:{os.environ['PATH']}", "PYTHONPATH": str(REPO)}
    return subprocess.run(
        ["sh", "-c", line], cwd=cwd, env=clean | variables, capture_output=True, text=True
    )


def test_the_ordered_command_plans_everything(bin_folder, checkout):
    done = type_in(f"{ORDERED} -n", bin_folder, checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = jobs_of(done.stdout)
    assert jobs["all"] == 1 and jobs["train_dynamic"] == 5


def test_the_ordered_command_runs(bin_folder, checkout, tmp_path):
    """Jobs that only make files, on one subject without tables."""
    script = tmp_path / "fake.sh"
    script.write_text(FAKE_PYTHON)
    clip = tmp_path / "clip.mp4"
    clip.touch()
    (tmp_path / "few.yaml").write_text(
        f"clip: {clip}\nvideos: {{audio: []}}\nrun_tables: overview\n"
        "tables: {overview: {variants: [unigs]}}\n"
    )
    line = f"{ORDERED} --snakefile {str(checkout / 'workflow/Snakefile')!r} --configfile few.yaml"
    done = type_in(line, bin_folder, tmp_path, BASH_ENV=str(script))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"(\d+) of \1 steps \(100%\) done", done.stdout + done.stderr)
    assert (tmp_path / "results/index.html").is_file()
    done = type_in(line, bin_folder, tmp_path, BASH_ENV=str(script))
    assert "Nothing to be done" in done.stdout + done.stderr


def test_the_launcher_answers_like_snakemake(bin_folder, tmp_path):
    version = type_in("snakemake --version", bin_folder, tmp_path)
    plain = subprocess.run(
        [sys.executable, "-m", "snakemake", "--version"], capture_output=True, text=True
    )
    assert version.stdout == plain.stdout and version.returncode == 0
    wrong = type_in("snakemake --no-such-option", bin_folder, tmp_path)
    assert wrong.returncode == 2 and "usage: snakemake" in wrong.stderr
    failed = type_in("snakemake --cores 1 --snakefile none.smk", bin_folder, tmp_path)
    assert failed.returncode == 1


def test_make_setup_writes_the_launcher():
    makefile = (REPO / "Makefile").read_text()
    recipe = makefile.split("$(READY):")[1].split("\n\n")[0]
    assert recipe.index("pip install") < recipe.index("unigs.workflow.launcher")
