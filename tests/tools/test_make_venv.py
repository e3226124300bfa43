"""make setup where the system's Python has no pip to give: Debian without python3-venv."""

import hashlib
import io
import subprocess
import sys
import urllib.error
import zipfile

import pytest

from tools import make_venv

PIP = """
import pathlib, sys
assert sys.argv[1:3] == ["install", "-q"]
pathlib.Path(sys.prefix, "pip-of-the-wheel").write_text(sys.argv[3])
"""
PAGE, FILE = "https://pypi.org/simple/pip/", f"https://files/{make_venv.WHEEL}"


class Index(dict):
    """Answers by address; what was told to each."""

    def __init__(self, **answers):
        super().__init__(**answers)
        self.heard = {}

    def urlopen(self, request, timeout):
        self.heard[request.full_url] = request.unredirected_hdrs
        if request.full_url not in self:
            raise urllib.error.URLError("no route to host")
        return io.BytesIO(self[request.full_url])


@pytest.fixture
def index(monkeypatch):
    """An index of packages with a wheel that runs itself, for a Python without ensurepip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        wheel.writestr("pip/__main__.py", PIP)
    answers = Index()
    answers[FILE] = content.getvalue()
    digest = hashlib.sha256(answers[FILE]).hexdigest()
    answers[PAGE] = f'<a href="{FILE}#sha256={digest}">{make_venv.WHEEL}</a>'.encode()
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setattr(make_venv, "SHA256", digest)
    monkeypatch.setattr(make_venv.urllib.request, "urlopen", answers.urlopen)
    monkeypatch.setattr(make_venv, "_ensurepip_works", lambda: False)
    return answers


def test_pip_comes_from_its_wheel(index, tmp_path):
    make_venv.make(tmp_path / "a venv")
    assert (tmp_path / "a venv/pip-of-the-wheel").read_text().endswith(make_venv.WHEEL)
    command = [tmp_path / "a venv/bin/python", "-c", "import sys; print(sys.prefix)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "a venv")


def test_a_mirror_with_pages_alone_is_enough(index, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:pass%40word@mirror:8443/simple/")
    index["https://mirror:8443/simple/pip/"] = index.pop(PAGE).replace(
        b"https://files/", b"../../files/"
    )
    index[f"https://mirror:8443/files/{make_venv.WHEEL}"] = index.pop(FILE)
    make_venv.make(tmp_path / "venv")
    assert (tmp_path / "venv/pip-of-the-wheel").exists()
    heard = index.heard["https://mirror:8443/simple/pip/"]
    assert heard["Authorization"] == "Basic bWU6cGFzc0B3b3Jk"


def test_the_wheel_of_another_server_hears_no_password(index, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@mirror/simple")
    index["https://mirror/simple/pip/"] = index.pop(PAGE)
    make_venv.make(tmp_path / "venv")
    assert "Authorization" not in index.heard[FILE]


def test_another_wheel_than_the_pinned_one_is_not_run(index, tmp_path):
    index[FILE] += b"more"
    with pytest.raises(SystemExit, match="pip arrived damaged: run make setup again"):
        make_venv.make(tmp_path / "venv")
    assert not (tmp_path / "venv/pip-of-the-wheel").exists()


@pytest.mark.parametrize("page", [None, b"\xff", b"<a href='pip-9.whl'>", b"{}"])
@pytest.mark.parametrize("address", [None, "no address", "https://me:secret@mirror"])
def test_without_an_index_a_sentence_says_what_to_install(
    index, tmp_path, monkeypatch, page, address
):
    if address:
        monkeypatch.setenv("PIP_INDEX_URL", address)
    index.pop(PAGE)
    if page is not None:
        index[PAGE] = index["https://mirror/pip/"] = page
    with pytest.raises(SystemExit) as stopped:
        make_venv.make(tmp_path / "venv")
    told = str(stopped.value)
    assert told.startswith("error: this Python has no pip") and "\n" not in told
    assert "apt-get install python3-venv" in told and "secret" not in told


def test_where_pip_is_at_hand_nothing_is_fetched(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(make_venv.venv, "create", lambda folder, **how: made.append(how))
    monkeypatch.setattr(make_venv, "_ensurepip_works", lambda: True)
    monkeypatch.setattr(make_venv.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(make_venv, "_fetch_pip", None)
    make_venv.make(tmp_path)
    assert made == [{"with_pip": True, "symlinks": sys.platform != "win32"}]
