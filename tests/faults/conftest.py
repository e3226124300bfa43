"""Good files to be spoilt, made once."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.support.faults import fresh
from tests.support.good_files import good_files
from tests.support.workflow import DETECTORS, stand_in

NETWORKS = Path(os.environ["UNIGS_MODELS"])
"""Where the tests' networks that find faces lie, if they are there."""


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> Path:
    """Good files of every kind (`tests.support.good_files`)."""
    return good_files(tmp_path_factory.mktemp("good") / "good")


@pytest.fixture
def work(good, tmp_path, monkeypatch) -> Path:
    """A working directory with the good files in `good/`; weights are looked for in `models/`."""
    folder = fresh(good, tmp_path / "work")
    monkeypatch.chdir(folder)
    stand_in(folder / "models")
    if (NETWORKS / DETECTORS).exists():
        (folder / "models" / DETECTORS).unlink()
        (folder / "models" / DETECTORS).symlink_to((NETWORKS / DETECTORS).resolve())
    monkeypatch.setenv("UNIGS_MODELS", str(folder / "models"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
