"""`unigs drive` finds the files of a portrait."""

from pathlib import Path

import pytest

from unigs.__main__ import main
from unigs.drive import command, speak
from unigs.settings.drive import DriveSettings
from unigs.stage.errors import UserError


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with a finished portrait of two variants, and what the stage is called with."""
    monkeypatch.chdir(tmp_path)
    for variant in ("unigs_plus", "plus_no_lips", "mine"):
        path = Path(f"results/zoe/{variant}/dynamic/portrait.safetensors")
        path.parent.mkdir(parents=True)
        path.touch()
    Path("hello.wav").touch()
    calls = []
    monkeypatch.setattr(speak, "drive", lambda **given: calls.append(given))
    return calls


def test_files_are_those_of_the_portrait(work, capsys):
    command.speak("zoe", Path("hello.wav"))
    (given,) = work
    assert given["portrait"] == Path("results/zoe/unigs_plus/dynamic/portrait.safetensors")
    assert given["pose"] == Path("results/zoe/unigs_plus/static/pose.npz")
    assert given["speech"] == Path("results/zoe/speech/features.npz")
    assert given["out"] == Path("results/zoe/unigs_plus/drive/hello.mp4")
    assert f"The video: {given['out'].absolute().as_uri()}" in capsys.readouterr().out


def test_poses_are_those_that_the_static_portrait_was_trained_with(work):
    """plus_no_lips starts from the static portrait of its base; mine is known to nobody."""
    command.speak("./results/zoe", Path("hello.wav"), "plus_no_lips", Path("o.mp4"))
    command.speak("zoe", Path("hello.wav"), "mine")
    assert [str(given["pose"]) for given in work] == [
        "results/zoe/unigs_plus/static/pose.npz",
        "results/zoe/mine/static/pose.npz",
    ]
    assert work[0]["out"] == Path("o.mp4")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("ann", "hello.wav"), "there is no portrait results/ann/.*: make it first"),
        (("zoe", "hello.wav", "unigs"), "there are: mine, plus_no_lips, unigs_plus"),
        (("zoe", "none.wav"), "there is no file none.wav"),
    ],
)
def test_what_is_missing_is_named(work, words, sentence):
    with pytest.raises(UserError, match=sentence):
        command.speak(words[0], Path(words[1]), *words[2:])


def test_the_mark_and_the_certificate_are_chosen_by_flags(work):
    main(["drive", "zoe", "hello.wav"])
    main(["drive", "zoe", "hello.wav", "--no-mark", "--certificate", "c.pem", "--private-key", "k"])
    usual, own = (given["settings"] for given in work)
    assert usual == DriveSettings() and usual.mark
    assert own == DriveSettings(mark=False, certificate="c.pem", private_key="k")
