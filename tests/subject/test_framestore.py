"""Decoded frames on disk: reserved at once, gone with the process."""

import subprocess
import sys
import tempfile

import numpy as np
import pytest

from tests.support.full_disk import full_disk
from unigs.media.video import VideoWriter
from unigs.stage.errors import UserError
from unigs.subject.framestore import FrameStore

FRAMES, SIZE = 40, 64


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "clip.mkv"
    rng = np.random.default_rng(0)
    with VideoWriter(path, SIZE, SIZE, 25, quality="lossless") as writer:
        for _ in range(FRAMES):
            writer.write(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8))
    return path


def test_a_temporary_folder_that_is_too_small_is_said_before_it_crashes(
    video, tmp_path, monkeypatch
):
    """Writing to the mapped memory of a full disk would end the process (SIGBUS, exit 135)."""
    with full_disk(tmp_path, kilobytes=128) as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with pytest.raises(UserError) as error:
            FrameStore(video, FRAMES)
        assert str(error.value) == (
            f"the temporary folder {folder} has 0.000131 GB free but the frames of {video} need "
            "0.000492 GB (No space left on device): make room, or set TMPDIR to a folder on a "
            "larger disk."
        )
        assert not list(folder.iterdir())


def test_frames_of_a_killed_process_do_not_stay(video, tmp_path):
    code = (
        "import os, sys; from unigs.subject.framestore import FrameStore\n"
        f"store = FrameStore({str(video)!r}, {FRAMES}); print(store[3].sum(), flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    environment = {"TMPDIR": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == -9
    assert int(done.stdout) == FrameStore(video, FRAMES)[3].sum()
    assert not [path for path in tmp_path.iterdir() if "frames" in path.name]


def test_another_number_of_frames_is_refused(video):
    for count in (FRAMES - 1, FRAMES + 1):
        with pytest.raises(UserError, match=f"has {FRAMES} frames but the frame table has {count}"):
            FrameStore(video, count)
