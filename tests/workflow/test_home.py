"""The workflow finds its own files in a checkout and in a wheel, and defaults under any config."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.workflow import REPO, jobs_of, snakemake, stand_in
from unigs.workflow import home as place
from unigs.workflow.fingerprint import PACKAGE
from unigs.workflow.home import home, package_alone, with_defaults


@pytest.fixture
def defaults(tmp_path) -> Path:
    """A home with a configuration of its own."""
    (tmp_path / "config").mkdir()
    text = "subjects: a.tsv\ntables: {one: {variants: [x]}}\nvideos: {audio: [a], variants: [x]}\n"
    (tmp_path / "config/config.yaml").write_text(text)
    return tmp_path


def test_home_is_the_checkout_or_what_the_wheel_carries(tmp_path, monkeypatch):
    assert home() == REPO
    monkeypatch.setattr(place, "SHIPPED", tmp_path)
    assert home() == tmp_path


def test_mappings_unite_and_all_else_is_replaced(defaults):
    given = {"videos": {"audio": []}, "tables": {"two": {"variants": ["y"]}}, "crop": {"size": 96}}
    assert with_defaults(given, defaults) == {
        "subjects": "a.tsv",
        "tables": {"one": {"variants": ["x"]}, "two": {"variants": ["y"]}},
        "videos": {"audio": [], "variants": ["x"]},
        "crop": {"size": 96},
    }
    assert given["videos"] == {"audio": []}, "what is given stays as it is"
    assert with_defaults({"tables": "a mistake"}, defaults)["tables"] == "a mistake"


def test_a_part_of_a_configuration_is_enough_in_another_folder(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("run_tables: overview\ncrop: {size: 96}\n")
    (tmp_path / "more.yaml").write_text("pose: {focal: 3.0}\n")
    files = ["--snakefile", str(REPO / "workflow/Snakefile"), "--configfile", "more.yaml"]
    done = snakemake("-n", *files, cwd=tmp_path)
    assert jobs_of(done.stdout)["train_dynamic"] == 2
    assert "--size 96" in done.stdout and "--focal 3.0" in done.stdout


def test_the_test_configuration_plans_the_whole_way(tmp_path):
    shutil.copytree(REPO / ".test/config", tmp_path / ".test/config")
    stand_in(tmp_path / ".test/resources/models")
    snakefile = ["--snakefile", str(REPO / "workflow/Snakefile"), "--directory", ".test"]
    jobs = jobs_of(snakemake("-n", *snakefile, cwd=tmp_path).stdout)
    assert (
        jobs["train_dynamic"] == jobs["drive"] == jobs["gallery"] == 1 and sum(jobs.values()) == 28
    )


def test_an_interpreter_of_another_environment_sees_the_package_alone(tmp_path):
    folder = package_alone(tmp_path / "deep" / "er")
    assert package_alone(tmp_path / "deep" / "er") == folder and folder.is_absolute()
    assert [path.name for path in folder.iterdir()] == ["unigs"]
    (folder / "unigs").unlink()
    (folder / "unigs").symlink_to(tmp_path)
    assert (package_alone(folder) / "unigs").samefile(PACKAGE)
    command = [sys.executable, "-c", "import unigs; print(unigs.__file__)"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(folder / "unigs/__init__.py")


def test_the_rules_name_the_version_of_the_package():
    import unigs

    text = (REPO / "workflow/rules/common.smk").read_text()
    assert f'\nVERSION = "{unigs.__version__}"\n' in text
    assert yaml.safe_load((REPO / "CITATION.cff").read_text())["version"] == unigs.__version__
