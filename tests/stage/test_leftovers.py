"""What kill -9 leaves half done goes when the next process comes by, and nothing else does."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.ffmpeg import run_ffmpeg
from tests.support.full_disk import full_disk
from unigs.media.audio import write_wav
from unigs.media.ffmpeg import file_address
from unigs.stage import leftovers
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.leftovers import scratch_folder

WORK = """
import sys, time
from unigs.stage.files import atomic
from unigs.stage.leftovers import scratch_folder

with scratch_folder() as folder, atomic(sys.argv[1]) as temporary:
    (folder / "sound.wav").write_bytes(b"half")
    temporary.write_bytes(b"half")
    print(folder, temporary, sep="\\n", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A process in the middle of its work, and what it works on: a folder and a file."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    command = [sys.executable, "-c", WORK, tmp_path / "out" / "video [1].mp4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process, [Path(process.stdout.readline().strip()) for _ in range(2)]
        process.kill()


def age(*paths):
    """Let a folder or file look as if nobody had changed it for an hour."""
    hour_ago = time.time() - 3600
    for path in paths:
        os.utime(path, (hour_ago, hour_ago))


def come_by(out: Path) -> None:
    with scratch_folder(), atomic(out) as temporary:
        temporary.write_bytes(b"whole")


def test_what_a_killed_process_left_is_removed_by_the_next(work, tmp_path):
    process, left = work
    out = tmp_path / "out" / "video [1].mp4"
    process.send_signal(signal.SIGKILL)
    process.wait()
    come_by(out)
    assert all(path.exists() for path in left), "it may be of a process that just began"
    age(*left)
    come_by(tmp_path / "out" / "video 1.mp4")
    assert [path.exists() for path in left] == [False, True], "that is another file's"
    come_by(out)
    assert not left[1].exists()
    assert sorted(path.name for path in out.parent.iterdir()) == ["video 1.mp4", "video [1].mp4"]


def test_what_a_living_process_works_on_stays(work, tmp_path):
    process, used = work
    age(*used)
    come_by(tmp_path / "out" / "video [1].mp4")
    assert process.poll() is None and all(path.exists() for path in used)


@pytest.mark.parametrize("kind", ["named by people", "link", "another user's"])
def test_other_things_stay(tmp_path, monkeypatch, kind):
    out = tmp_path / "a.csv"
    hidden = tmp_path / (".a.notes.csv" if kind == "named by people" else ".a.abcd1234.csv")
    if kind == "link":
        (tmp_path / "mine").write_text("mine")
        hidden.symlink_to(tmp_path / "mine")
    else:
        hidden.write_text("mine")
        age(hidden)
    if kind == "another user's":
        monkeypatch.setattr(leftovers.os, "getuid", lambda: 12345)
    monkeypatch.setattr(leftovers, "YOUNG", -1.0)
    come_by(out)
    assert hidden.read_text() == "mine"


@pytest.mark.parametrize("name", ["unigs-research", leftovers.PREFIX + "research"])
def test_a_folder_that_the_program_did_not_make_stays(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "keep").write_text("mine")
    age(tmp_path / name)
    with scratch_folder(tmp_path):
        pass
    assert (tmp_path / name / "keep").read_text() == "mine"


def test_a_folder_under_the_passing_name_of_a_file_stays(tmp_path):
    mine = tmp_path / ".notes.research"
    mine.mkdir()
    (mine / leftovers.MARKER).touch()
    age(mine)
    come_by(tmp_path / "notes")
    assert mine.is_dir()


def test_a_place_that_takes_no_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"into {tmp_path}/file/new \(Not a dir.*another place"):
        with scratch_folder(tmp_path / "file" / "new"):
            pass
    with scratch_folder(tmp_path / "far" / "new") as folder:
        assert folder.is_dir()


SOUND = ["-f", "lavfi", "-i", "sine", "-t", "60"]


@pytest.mark.parametrize(
    "fill",
    [
        lambda path: write_wav(path, np.zeros(10**6)),
        lambda path: run_ffmpeg([*SOUND, file_address(path)], "make a sound"),
    ],
    ids=["own", "ffmpeg"],
)
def test_a_full_scratch_folder_is_told_from_a_full_disk_of_results(tmp_path, monkeypatch, fill):
    with full_disk(tmp_path, kilobytes=64) as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with pytest.raises(UserError, match=f"scratch folder {folder} is full: .* set TMPDIR"):
            with scratch_folder() as scratch:
                fill(scratch / "sound.wav")
        with pytest.raises(UserError, match=rf"a\.wav could not be written, the disk of {folder}"):
            with scratch_folder(tmp_path), atomic(folder / "a.wav") as temporary:
                fill(temporary)
        assert not list(folder.iterdir())
