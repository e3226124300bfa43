"""A checkout with subjects and tables of its own, and the same after a run."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.workflow import FAKE_PYTHON, REPO, snakemake

PARTS = ("workflow", "unigs", "config", "resources/paper")


def copy_parts(source: Path, target: Path) -> Path:
    """Copy what the workflow reads of a checkout."""
    for name in PARTS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / name, target / name, ignore=ignored)
    return target


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """A copy of the repository at a path with spaces, with two subjects and three tables."""
    copy = copy_parts(REPO, tmp_path_factory.mktemp("a folder with spaces") / "uni gs")
    (copy / "config/subjects.tsv").write_text(
        "subject\tdataset\tvideo\turl\n"
        "ann\tlonghair\tresources/videos/ann's clip.mp4\t\n"
        "bea\tshorthair\tsynthetic\t\n"
    )
    config = yaml.safe_load((copy / "config/config.yaml").read_text())
    config["dynamic"] = {"lambda_mouth": 0.1, "lambda_torso": 0.3}
    config["videos"] = {"variants": ["unigs"], "audio": ["some words"]}
    config["tables"] = {
        "table2": {"datasets": ["longhair"], "variants": ["unigs", "grid_l24_f1"]},
        "overview": {"variants": ["unigs", "unigs_plus"]},
        "empty": {"datasets": ["nobody"], "variants": ["unigs"]},
    }
    (copy / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    for name in ("videos/ann's clip.mp4", "audio/some words.flac"):
        (copy / "resources" / name).parent.mkdir()
        (copy / "resources" / name).write_bytes(b"not looked into")
    return copy


@pytest.fixture(scope="session")
def finished(checkout, tmp_path_factory) -> Path:
    """The checkout, with a model file, after a run of all jobs, whose commands only made files."""
    copy = shutil.copytree(checkout, tmp_path_factory.mktemp("finished") / "uni gs")
    (copy / "resources/models").mkdir(exist_ok=True)
    (copy / "resources/models/trunk.pth").write_bytes(b"not looked into")
    with open(copy / "config/config.yaml", "a") as file:
        file.write("evaluate: {lpips_model: resources/models/trunk.pth}\n")
    script = tmp_path_factory.mktemp("fake") / "python.sh"
    script.write_text(FAKE_PYTHON)
    snakemake(cwd=copy, BASH_ENV=str(script))
    return copy


@pytest.fixture
def edit(finished):
    """Change a file of the finished checkout for one test."""
    kept = {}

    def change(name: str, new) -> None:
        path = finished / name
        kept.setdefault(path, (path.read_bytes(), path.stat()))
        text = path.read_text()
        assert new(text) != text
        path.write_text(new(text))

    yield change
    for path, (content, stat) in kept.items():
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
