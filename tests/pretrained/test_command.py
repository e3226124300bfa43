"""What `unigs models` says, and that a missing network is a sentence."""

import logging
import os
import subprocess
import sys

import pytest

from unigs.__main__ import COMMANDS, main
from unigs.pretrained.catalogue import model_path


@pytest.fixture(autouse=True)
def handlers(monkeypatch):
    """The command's handler of the log does not outlive the test."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


def told(capsys, *words: str, code: int = 0) -> str:
    """Standard output and error of a command that ends with a code."""
    if code:
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == code
    else:
        main(words)
    return "".join(capsys.readouterr())


def test_the_list_tells_what_is_there_and_what_each_buys(shop, capsys):
    shop.open()
    text = told(capsys, "models")
    assert "small (not there" in text and "Without it, nothing runs." in text
    assert "License: research; for research, not for commerce." in text
    assert "unigs models fetch research --accept research" in text
    assert "To use it, ask its author for it." in text
    told(capsys, "models", "fetch")
    assert model_path("small").is_file() and not model_path("research").exists()
    text = told(capsys, "models", "list")
    assert (
        f"small (there, 0.0 MB)\n    A test.\n    License: free.\n    File: {model_path('small')}"
        in text
    )


def test_mistakes_are_sentences_on_standard_error(shop, capsys):
    text = told(capsys, "models", "fetch", "small", "tiny", code=2)
    lines = [line for line in text.splitlines() if line.startswith("error: ")]
    assert len(lines) == 2 and "there is no model tiny" in lines[1]
    assert "error: " in told(capsys, "models", "add", "small", "none.pth", code=2)


def test_without_a_network_it_says_so_once_and_succeeds(tmp_path):
    variables = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:1")
    known = {k: v for k, v in os.environ.items() if k.lower() not in (*variables, "no_proxy")}
    done = subprocess.run(
        [sys.executable, "-m", "unigs", "models", "fetch", "--try"],
        env=known | variables | {"UNIGS_MODELS": str(tmp_path / "models")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    (sentence,) = done.stdout.splitlines()
    names = "whisper-tiny-en, lpips-alex, face-landmarks-68, mediapipe-detectors"
    assert sentence.startswith(f"Not fetched: {names} (")
    assert "pypi.org" in sentence and "log-mel" in sentence and "LPIPS is not measured" in sentence
    assert not list((tmp_path / "models").glob("*"))


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f'"{sys.executable}" -m unigs models | head -n 1; exit "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr and done.stdout.startswith("whisper-tiny-en")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help(capsys, name):
    if name and COMMANDS[name].passes_on:
        pytest.skip("another program answers")
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"] if name else ["--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0 and text.startswith(f"usage: unigs {name}".rstrip())
    assert all(command.purpose in text for command in COMMANDS.values()) or name
