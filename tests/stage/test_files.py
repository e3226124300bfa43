"""Small files: whole or not at all, never a pickle."""

import errno
import os

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from tests.support.full_disk import full_disk
from unigs.media.audio import write_wav
from unigs.media.images import write_png
from unigs.media.video import VideoWriter
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, load_npz, read_json, save_npz, save_tensors


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


def test_an_archive_may_bear_any_name(tmp_path):
    save_npz(tmp_path / "face.model", x=np.arange(3))
    assert load_npz(tmp_path / "face.model")["x"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["face.model"]


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[1]", b"3", b"[" * 100_000, b"", None])
def test_what_is_no_object_of_json_is_one_sentence(tmp_path, content):
    """None stands for a folder in the place of the file."""
    path = tmp_path / "run.json"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json .*make it anew") as stopped:
        read_json(path)
    assert "\n" not in str(stopped.value)


NOISE = np.random.default_rng(0).integers(0, 256, 2**19, np.uint8)


def write_csv(path):
    with atomic(path) as temporary:
        pd.DataFrame(NOISE).to_csv(temporary)


def write_sound(path):
    with atomic(path) as temporary:
        write_wav(temporary, NOISE / 255)


def write_video(path, quality):
    with atomic(path) as temporary, VideoWriter(temporary, 128, 128, 25, quality) as writer:
        for start in range(0, 2**19 - 3 * 2**14, 2**13):
            writer.write(NOISE[start : start + 3 * 2**14].reshape(128, 128, 3))


WRITERS = {
    "a.npz": lambda path: save_npz(path, noise=NOISE, more=NOISE),
    "a.csv": write_csv,
    "a.wav": write_sound,
    "a.png": lambda path: write_png(path, NOISE.reshape(512, 1024)),
    "a.mp4": lambda path: write_video(path, "high"),
    "a.mkv": lambda path: write_video(path, "lossless"),
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


@pytest.mark.parametrize("method", ["mkdir", "mkstemp"])
def test_a_place_that_takes_no_files_is_one_sentence(tmp_path, monkeypatch, method):
    """A read-only disk, say, or somebody else's folder."""
    (tmp_path / "file").touch()
    path = tmp_path / "file/folder/a.csv" if method == "mkdir" else tmp_path / "a.csv"
    if method == "mkstemp":

        def refuse(**_):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr("unigs.stage.files.tempfile.mkstemp", refuse)
    with pytest.raises(UserError, match=r"a\.csv cannot be written \((Not a d|Read-only).*: let"):
        with atomic(path):
            raise AssertionError("it was opened")


def test_a_full_disk_behind_another_error_is_seen_and_others_pass(tmp_path):
    """zipfile, say, complains of an unfinished archive after the disk refused to take more."""
    with pytest.raises(UserError, match="is full"), atomic(tmp_path / "a.npz"):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            raise ValueError("cannot close the archive")
    with pytest.raises(PermissionError), atomic(tmp_path / "a.npz"):
        raise PermissionError(errno.EACCES, "no")


def test_tensors_come_back_however_they_lie_in_memory(tmp_path):
    path = tmp_path / "a.safetensors"
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    save_tensors(path, {"turned": turned, "one": np.array(2.5)}, {"about": "a test"})
    with safe_open(path, "np") as file:
        assert file.metadata() == {"about": "a test"}
        assert np.array_equal(file.get_tensor("turned"), turned)
        assert file.get_tensor("one").shape == ()
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]
