"""Another Snakefile uses the workflow as a module: by its path, from an address, below a prefix."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.workflow import FAKE_PYTHON, REPO, jobs_of, snakemake
from tests.workflow.conftest import copy_parts

# What snakedeploy writes; the parent has rules of its own, too.
PARENT = """
configfile: "config/config.yaml"


module unigs:
    snakefile:
        {snakefile}
    config:
        {config}
{prefix}

use rule * from unigs{names}


onstart:
    unigs.onstart()


rule count:
    input:
        "{results}/index.html",
    output:
        "count.txt",
    shell:
        "wc -c < {{input}} > {{output}}"
"""
PART = """
run_tables: overview
tables: {overview: {variants: [unigs_plus]}}
subjects: people.tsv
videos: {audio: [sounds/hello.wav, "results/{subject}/speech/audio.wav"]}
speech: {backend: whisper, model: weights/own.safetensors}
evaluate: {lpips_model: resources/models/lpips-alex.safetensors}
variants: {unigs_plus: {dynamic: {lambda_lpips: 0}}}
"""
SHEET = "subject\tdataset\tvideo\turl\nann\tlonghair\tclips/ann.mp4\t\nbea\tx\tsynthetic\t\n"
GITHUB = 'github("someone/unigs", path="workflow/Snakefile", tag="v1")'
# As FAKE_PYTHON, with results below a prefix, and weights.
FAKE = FAKE_PYTHON.replace("results/*)", "*results/*|resources/models/*)")


@pytest.fixture
def work(tmp_path) -> Path:
    """A working directory of somebody else, with clips, sounds and weights."""
    folder = tmp_path / "work"
    for name in ("clips/ann.mp4", "sounds/hello.wav", "weights/own.safetensors"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"not looked into")
    (folder / "people.tsv").write_text(SHEET)
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(f"samples: 3\nunigs: {{{_inline(PART)}}}\n")
    (folder / "python.sh").write_text(FAKE)
    return folder


def _inline(text: str) -> str:
    return ", ".join(text.strip().splitlines())


def write_parent(folder: Path, snakefile: str, prefix: str = "", config: str = "") -> None:
    text = PARENT.format(
        snakefile=snakefile,
        config=config or 'config["unigs"]',
        prefix=f'    prefix:\n        "{prefix}"\n' if prefix else "",
        names=" as unigs_*" if prefix else "",
        results=f"{prefix}/results" if prefix else "results",
    )
    (folder / "Snakefile").write_text(text)


@pytest.fixture(scope="session")
def hosted(tmp_path_factory) -> dict[str, str]:
    """Variables under which github.com is a folder with a repository of the workflow's files.

    A clone has no work tree: Snakemake takes single files out of it, and no package.
    """
    root = tmp_path_factory.mktemp("host")
    repository = copy_parts(REPO, root / "someone/unigs")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "a"], ["tag", "v1"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{root.as_uri()}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        # The installed package.
        "PYTHONPATH": str(REPO),
    }


def test_by_its_path_with_a_part_of_a_configuration(work):
    write_parent(work, f'"{REPO}/workflow/Snakefile"')
    done = snakemake("-n", "count.txt", cwd=work)
    jobs = jobs_of(done.stdout)
    assert jobs["train_dynamic"] == 2 and jobs["count"] == jobs["gallery"] == 1
    assert jobs["drive"] == 4


def test_below_a_prefix_lies_what_is_made_and_nothing_that_people_supply(work):
    write_parent(work, f'"{REPO}/workflow/Snakefile"', prefix="portraits")
    variables = {"BASH_ENV": str(work / "python.sh"), "UNIGS_MODELS": ""}
    done = snakemake("count.txt", "-p", cwd=work, **variables)
    told = done.stdout + done.stderr
    commands = [line for line in told.splitlines() if "python -m unigs" in line]
    assert len(commands) > 20 and "not present in the Snakefile" not in told
    loose = [line for line in commands if re.search(r"(?<!portraits/)\b(results|logs)/", line)]
    assert not loose
    (drive,) = (line for line in commands if "/ann/unigs_plus/drive/hello.mp4 --" in line)
    assert "--audio sounds/hello.wav" in drive
    (crop,) = (line for line in commands if "clip.crop" in line and "/ann/" in line)
    assert "--video clips/ann.mp4" in crop
    assert "--model weights/own.safetensors" in told
    assert "--out resources/models/lpips-alex.safetensors" in told, "weights are shared"
    assert not (work / "results").exists() and not (work / "logs").exists()
    assert (work / "portraits/results/index.html").is_file() and (work / "count.txt").is_file()
    assert (work / "portraits/results/ann/source.json").is_file()
    again = snakemake("-n", "count.txt", cwd=work, **variables)
    assert "Nothing to be done" in again.stdout + again.stderr
    (work / "clips/other.mp4").write_bytes(b"another")
    (work / "people.tsv").write_text(SHEET.replace("clips/ann.mp4", "clips/other.mp4"))
    other = snakemake("-n", "count.txt", cwd=work, check=False, **variables)
    assert "portraits/results/ann was made from clips/ann.mp4" in other.stdout + other.stderr


def test_from_an_address_the_installed_package_does_the_work(work, hosted):
    write_parent(work, GITHUB, prefix="portraits")
    script = {"BASH_ENV": str(work / "python.sh"), "UNIGS_MODELS": ""}
    done = snakemake("count.txt", cwd=work, **hosted | script)
    assert re.search(r"(\d+) of \1 steps \(100%\) done", done.stdout + done.stderr)
    assert (work / "portraits/results/index.html").is_file()
    again = snakemake("-n", "count.txt", cwd=work, **hosted | script)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_from_an_address_with_the_whole_configuration_as_snakedeploy_copies_it(work, hosted):
    for file in ("config.yaml", "subjects.tsv"):
        (work / "config" / file).write_text((REPO / "config" / file).read_text())
    write_parent(work, GITHUB, config="config")
    done = snakemake("-n", cwd=work, **hosted)
    assert jobs_of(done.stdout)["train_dynamic"] == 2


def test_from_an_address_without_the_package_is_a_sentence(work, hosted):
    write_parent(work, GITHUB)
    # An interpreter that finds everything but the package.
    (work / "hidden").mkdir()
    (work / "hidden/sitecustomize.py").write_text(
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'unigs':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hide())\n"
    )
    variables = hosted | {"PYTHONPATH": str(work / "hidden")}
    done = snakemake("-n", cwd=work, check=False, **variables)
    told = done.stdout + done.stderr
    assert done.returncode and "Traceback" not in told
    assert "these rules call the package unigs, which this environment does not have" in told


def test_a_key_of_the_parent_is_named(work):
    write_parent(work, f'"{REPO}/workflow/Snakefile"', config="config")
    done = snakemake("-n", cwd=work, check=False)
    told = done.stdout + done.stderr
    assert done.returncode and "'samples', 'unigs' were unexpected" in told
