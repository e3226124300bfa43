"""A downloaded video stays, whatever is edited: its source may be gone."""

import hashlib
import stat
from pathlib import Path

import numpy as np
import pytest

from tests.support.workflow import planned, snakemake
from unigs.media.video import VideoWriter

TARGET = "resources/downloads/cleo.mp4"
SHEET = "subject\tdataset\tvideo\turl\tsha256\tstart\ncleo\tx\t\t{url}\t{sha256}\t{start}\n"


class Work:
    """A working directory whose one subject comes from an address."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        self.folder = folder
        self.source = folder / "film.mp4"
        with VideoWriter(self.source, 64, 64, 25) as writer:
            writer.write(np.zeros((64, 64, 3), np.uint8))
        self.content = self.source.read_bytes()
        self.video = folder / TARGET
        self.arguments = ["--snakefile", str(checkout / "workflow/Snakefile")]
        self.arguments += ["--config", "subjects=people.tsv"]
        self.write_sheet()

    def write_sheet(self, sha256: str = "", start: str = "", url: str = "") -> None:
        row = {"url": url or self.source.as_uri(), "sha256": sha256, "start": start}
        (self.folder / "people.tsv").write_text(SHEET.format(**row))

    def run(self, *arguments: str, check: bool = True):
        return snakemake(
            TARGET, "--retries", "0", *arguments, *self.arguments, cwd=self.folder, check=check
        )


@pytest.fixture
def work(checkout, tmp_path) -> Work:
    """The working directory after the download; the source is gone."""
    made = Work(tmp_path, checkout)
    made.run()
    made.source.unlink()
    return made


def test_a_download_is_protected(work):
    assert work.video.read_bytes() == work.content
    assert not work.video.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def test_edits_do_not_fetch_again(work, checkout):
    work.write_sheet(start="3")
    (work.folder / "more.yaml").write_text("crop: {size: 256}\n")
    more = [*work.arguments, "--configfile", "more.yaml"]
    assert planned(TARGET, *more, cwd=work.folder) == {}
    code = checkout / "unigs/sources/fetch.py"
    kept = code.read_text()
    try:
        code.write_text(kept + "\nEDITED = True\n")
        assert planned(TARGET, *more, cwd=work.folder) == {}
    finally:
        code.write_text(kept)


@pytest.mark.faults
@pytest.mark.parametrize(
    "row, arguments",
    [
        ({}, ["--forceall"]),
        ({}, ["--force"]),
        ({}, ["-R", "fetch_video"]),
        ({"sha256": "0a" * 32}, []),
        ({"url": "file:///nowhere/at/all.mp4"}, []),
    ],
    ids=["forceall", "force", "forcerun", "sha256", "url"],
)
def test_a_download_that_fails_leaves_the_video(work, row, arguments):
    work.write_sheet(**row)
    done = work.run(*arguments, check=False)
    assert done.returncode and work.video.read_bytes() == work.content
    text = done.stdout + done.stderr
    told = ("cannot be fetched", "Write-protected output files", "mp4 has sha256 ")
    assert any(words in text for words in told) and "Traceback" not in text


def test_a_checksum_that_is_written_down_later_fetches_nothing(work):
    work.write_sheet(sha256=hashlib.sha256(work.content).hexdigest().upper())
    assert planned(TARGET, *work.arguments, cwd=work.folder) == {}


@pytest.mark.faults
def test_a_video_that_is_not_the_sheets_is_told_before_anything_runs(work):
    work.write_sheet(sha256="0a" * 32)
    done = work.run("--dry-run", check=False)
    sentence = f"{TARGET} has sha256 {hashlib.sha256(work.content).hexdigest()}, but the sheet says"
    assert done.returncode and sentence in done.stdout + done.stderr
    assert "or delete the file to have it fetched anew" in done.stdout + done.stderr
