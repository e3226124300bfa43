"""A talking video finds its sound by its name."""

import pytest

from unigs.stage.errors import UserError
from unigs.workflow.sounds import driving_audio, spoken


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    (tmp_path / "resources/audio").mkdir(parents=True)
    for name in ("some words.flac", "twice.mp3", "twice.wav"):
        (tmp_path / "resources/audio" / name).touch()
    monkeypatch.chdir(tmp_path)


def test_videos_are_named_after_their_sounds():
    sounds = spoken(["words", "far/other.mp3"])
    assert sounds == {"words": "words", "other": "far/other.mp3"}


@pytest.mark.parametrize(
    "name, path",
    [
        ("some words", "resources/audio/some words.flac"),
        ("twice", "resources/audio/twice.mp3"),
        ("other", "./here/other.wav"),
        ("missing", "resources/audio/missing.wav"),
        ("bare", "resources/audio/bare.wav"),
    ],
)
def test_a_sound_is_a_configured_path_or_a_supplied_file(name, path):
    assert driving_audio(name, ["./here/other.wav", "bare"]) == path


def test_a_configured_path_comes_before_a_supplied_file():
    assert driving_audio("twice", ["far/twice.ogg"]) == "far/twice.ogg"


def test_two_sounds_of_one_name_are_refused_and_none_is_dropped():
    sentence = "^videos.audio: a/words.wav and b/words.mp3 would both become .* words.mp4: rename"
    with pytest.raises(UserError, match=sentence):
        spoken(["a/words.wav", "other", "b/words.mp3"])
    with pytest.raises(UserError, match="^videos.audio: words and ./words.wav would both"):
        spoken(["words", "./words.wav"])


def test_a_sound_that_stands_twice_counts_once():
    assert spoken(["a/words.wav", "./a/words.wav"]) == {"words": "a/words.wav"}


def test_a_sound_with_braces_is_refused():
    with pytest.raises(UserError, match="^videos.audio: ./a{x}.wav holds braces"):
        spoken(["./a{x}.wav"])
