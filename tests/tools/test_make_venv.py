"""make setup where the system's Python has no pip to give: Debian without python3-venv."""

import hashlib
import io
import json
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


@pytest.fixture
def index(monkeypatch):
    """An index of packages with a wheel that runs itself, for a Python without ensurepip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        wheel.writestr("pip/__main__.py", PIP)
    wheel = content.getvalue()
    described = {
        "packagetype": "bdist_wheel",
        "url": "https://files/pip.whl",
        "filename": "pip-1-py3-none-any.whl",
        "digests": {"sha256": hashlib.sha256(wheel).hexdigest()},
    }
    answers = {
        make_venv.INDEX.format(version=make_venv.PIP): json.dumps({"urls": [described]}).encode(),
        described["url"]: wheel,
    }

    def urlopen(address: str, timeout: float) -> io.BytesIO:
        if address not in answers:
            raise urllib.error.URLError("no route to host")
        return io.BytesIO(answers[address])

    monkeypatch.setattr(make_venv.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(make_venv, "_ensurepip_works", lambda: False)
    return answers


def test_pip_comes_from_its_wheel(index, tmp_path):
    make_venv.make(tmp_path / "a venv")
    assert (tmp_path / "a venv/pip-of-the-wheel").read_text().endswith("pip-1-py3-none-any.whl")
    command = [tmp_path / "a venv/bin/python", "-c", "import sys; print(sys.prefix)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "a venv")


def test_another_wheel_than_the_index_describes_is_not_run(index, tmp_path):
    index["https://files/pip.whl"] += b"more"
    with pytest.raises(SystemExit, match="pip arrived damaged: run make setup again"):
        make_venv.make(tmp_path / "venv")
    assert not (tmp_path / "venv/pip-of-the-wheel").exists()


@pytest.mark.parametrize("answer", [None, b"no JSON", b'{"urls": []}', b"{}"])
def test_without_an_index_a_sentence_says_what_to_install(index, tmp_path, answer):
    address, _ = index
    index.pop(address)
    if answer is not None:
        index[address] = answer
    with pytest.raises(SystemExit, match=r"this Python has no pip.*apt-get install python3-venv"):
        make_venv.make(tmp_path / "venv")


def test_where_pip_is_at_hand_nothing_is_fetched(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(make_venv.venv, "create", lambda folder, **how: made.append(how))
    monkeypatch.setattr(make_venv, "_ensurepip_works", lambda: True)
    monkeypatch.setattr(make_venv, "_fetch_pip", None)
    make_venv.make(tmp_path)
    assert made == [{"with_pip": True, "symlinks": sys.platform != "win32"}]
