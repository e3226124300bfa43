"""Small files: whole or not at all, never a pickle."""

import errno
import os

import numpy as np
import pandas as pd
import pytest

from tests.support.full_disk import full_disk
from unigs.media.audio import write_wav
from unigs.media.images import write_png
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, load_npz, save_npz


def test_atomic_leaves_no_half_written_file(tmp_path):
    path = tmp_path / "sub" / "table.csv"
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []


def test_npz_round_trip_names_what_is_missing(tmp_path):
    save_npz(tmp_path / "a.npz", x=np.arange(3), backend="landmarks")
    assert load_npz(tmp_path / "a.npz", "x")["x"].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="lacks y"):
        load_npz(tmp_path / "a.npz", "y")


NOISE = np.random.default_rng(0).integers(0, 256, 2**19, np.uint8)


def write_csv(path):
    with atomic(path) as temporary:
        pd.DataFrame(NOISE).to_csv(temporary)


def write_sound(path):
    with atomic(path) as temporary:
        write_wav(temporary, NOISE / 255)


WRITERS = {
    "a.npz": lambda path: save_npz(path, noise=NOISE, more=NOISE),
    "a.csv": write_csv,
    "a.wav": write_sound,
    "a.png": lambda path: write_png(path, NOISE.reshape(512, 1024)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(tmp_path, name):
    with full_disk(tmp_path, kilobytes=256) as folder:
        (folder / name).write_text("old")
        sentence = rf"{name} could not be written, the disk of {folder} is full: make room and run"
        with pytest.raises(UserError, match=sentence):
            WRITERS[name](folder / name)
        assert [path.name for path in folder.iterdir()] == [name]
        assert (folder / name).read_text() == "old"


def test_a_full_disk_behind_another_error_is_seen_and_others_pass(tmp_path):
    """zipfile, say, complains of an unfinished archive after the disk refused to take more."""
    with pytest.raises(UserError, match="is full"), atomic(tmp_path / "a.npz"):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            raise ValueError("cannot close the archive")
    with pytest.raises(PermissionError), atomic(tmp_path / "a.npz"):
        raise PermissionError(errno.EACCES, "no")
