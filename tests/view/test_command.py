"""What `unigs view` finds, and what it refuses in one sentence."""

import builtins
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.view import make_speaker
from unigs.__main__ import main
from unigs.stage.errors import UserError
from unigs.view.access import Address, refuse_taken, server_class
from unigs.view.files import files_of, named_files


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    return make_speaker(tmp_path_factory.mktemp("view"))


@pytest.fixture
def copy(speaker, tmp_path):
    return Path(shutil.copytree(speaker.folder, tmp_path / "results/zoe"))


def refused(words, capsys):
    """The one sentence with which a command stops."""
    with pytest.raises(SystemExit) as stop:
        main(["view", *words])
    assert stop.value.code == 2
    said = capsys.readouterr().err.splitlines()
    [line] = [line for line in said if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("place", ["results/zoe/unigs_plus", "results/zoe"])
def test_a_folder_is_a_subjects_or_a_variants(copy, place):
    files = files_of(copy.parents[1] / place, "unigs_plus")
    files.check()
    assert files.portrait == copy / "unigs_plus/dynamic/portrait.safetensors"
    assert files.video == copy / "clip/video.mp4"
    assert files.pose == copy / "unigs_plus/static/pose.npz"


def test_the_folder_in_which_somebody_stands(copy, monkeypatch):
    monkeypatch.chdir(copy / "unigs_plus")
    files = files_of(Path("."), "unigs_plus")
    files.check()
    monkeypatch.chdir(copy)
    files_of(Path("."), "unigs_plus").check()


def test_while_the_dynamic_stage_trains_the_static_portrait_is_shown(copy):
    dynamic, static = (copy / f"unigs_plus/{x}/portrait.safetensors" for x in ("dynamic", "static"))
    shutil.move(dynamic, static)
    files = files_of(copy / "unigs_plus", "unigs_plus")
    assert files.portrait == static
    shutil.copy(static, dynamic)
    assert files.portrait == dynamic, "as soon as it is there"


def test_a_variant_that_only_moves_otherwise_has_the_poses_of_another(copy, monkeypatch):
    monkeypatch.chdir(copy.parents[1])
    shutil.copytree(copy / "unigs_plus/dynamic", copy / "plus_no_lips/dynamic")
    files = files_of(copy, "plus_no_lips")
    assert files.pose == copy / "unigs_plus/static/pose.npz"


def test_files_that_are_named_take_the_place_of_the_folders(copy):
    found = files_of(copy, "unigs_plus")
    other = copy / "other.mp4"
    assert named_files({"video": other, "pose": None}, found).video == other
    names = ("video", "frame_table", "pose")
    given = {name: getattr(found, name) for name in names} | {"portrait": found.portrait}
    alone = named_files(given, None)
    alone.check()
    assert alone.labels is alone.speech is None
    for name in given:
        less = {key: path for key, path in given.items() if key != name}
        with pytest.raises(UserError, match=f"--{name.replace('_', '-')}"):
            named_files(less, None)


def test_what_is_missing_is_named(copy, capsys, tmp_path):
    assert "no folder" in refused([str(tmp_path / "nobody")], capsys)
    assert "results/SUBJECT/VARIANT" in refused(["nobody"], capsys)
    said = refused([str(copy), "--variant", "other"], capsys)
    assert "other holds no portrait: the variants there are: unigs_plus." in said
    (copy / "face/eyes.csv").unlink()
    said = refused([str(copy)], capsys)
    assert "face/eyes.csv" in said and "--eyes" in said
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no portrait: train one first." in refused([str(empty)], capsys)
    assert "--portrait" in refused([], capsys)
    assert "70000 is no port" in refused([str(copy), "--port", "70000"], capsys)


def test_a_portrait_that_is_none_is_refused(copy, capsys):
    pytest.importorskip("viser", reason="viser is not installed")
    portrait = copy / "unigs_plus/dynamic/portrait.safetensors"
    portrait.write_bytes(b"nonsense")
    assert "is no UniGS portrait" in refused([str(copy), "--port", "0"], capsys)


def test_without_viser_it_says_what_to_install(copy, capsys, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "viser":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'unigs[view]'" in refused([str(copy)], capsys)


def test_a_port_that_is_taken_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .*--port"):
            refuse_taken(Address(port=port))
    refuse_taken(Address(port=port))
    with pytest.raises(UserError, match="nowhere.invalid"):
        refuse_taken(Address("nowhere.invalid", 0))


def test_nobody_can_publish_it():
    """viser's page has a message that opens a tunnel to a public server."""
    viser = pytest.importorskip("viser", reason="viser is not installed")
    made = server_class()
    assert issubclass(made, viser.ViserServer)
    assert made.request_share_url is not viser.ViserServer.request_share_url
    assert made.request_share_url(object.__new__(made)) is None


def test_the_command_serves_on_loopback_until_it_is_interrupted(copy):
    pytest.importorskip("viser", reason="viser is not installed")
    command = [sys.executable, "-m", "unigs", "view", copy / "unigs_plus", "--port", "0"]
    process = subprocess.Popen(
        [*map(str, command), "--device", "cpu"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        while line and not line.startswith("The viewer:"):
            line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line)[0]
        with urllib.request.urlopen(url, timeout=10) as page:
            assert b"<html" in page.read()
        process.terminate()
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143 and "Traceback" not in out + err
