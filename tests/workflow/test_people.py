"""Rows of the sheet that share a recording are one person."""

from dataclasses import replace

import pytest

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow import people
from unigs.workflow.voices import read_voices

ANN = Subject("ann_0", "folds", video="ann.mp4", test="0-2")
ROWS = {
    row.subject: row
    for row in (
        ANN,
        replace(ANN, subject="ann_1", test="2-4"),
        Subject("bob", "folds", url="https://example.org/bob.mp4"),
        Subject("cat", "folds", imported="imports/cat"),
    )
}


def test_each_person_stands_once_and_beside_others_alone():
    assert people.one_each(ROWS) == ["ann_0", "bob", "cat"]
    assert people.others(ROWS, "ann_0") == people.others(ROWS, "ann_1") == ["bob", "cat"]
    assert people.others(ROWS, "bob") == ["ann_0", "cat"]


def test_synthetic_speakers_of_different_seeds_are_two_people():
    first, second = (Subject(x, "made", video=f"synthetic:{x}") for x in ("1", "2"))
    assert people.others({"1": first, "2": second}, "1") == ["2"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"video": "ann.mp4"}, {"video": "./clips/../ann.mp4"}),
        ({"video": "ann.mp4"}, {"url": "file://{here}/ann.mp4"}),
        ({"video": "ann.mp4"}, {"video": "{here}/link.mp4"}),
        ({"imported": "imports/cat"}, {"imported": "{here}/imports/cat/"}),
        ({"video": "synthetic"}, {"video": "synthetic:1"}),
    ],
)
def test_a_recording_is_the_same_however_it_is_spelled(tmp_path, monkeypatch, first, second):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.mp4").symlink_to("ann.mp4")
    second = {name: place.format(here=tmp_path) for name, place in second.items()}
    rows = Subject("a", "folds", **first), Subject("b", "folds", **second)
    assert people.one_each({"a": rows[0], "b": rows[1]}) == ["a"]


def read(rendered):
    config = {
        "variants": {"plus": {"dynamic": {"lip_code": 2}}},
        "voices": {"variant": "plus", "rendered": rendered},
    }
    rows = {name: row for name, row in ROWS.items() if name != "cat"}
    return read_voices(config, rows, (), {"plus": ["plus"]})


def test_no_portrait_hears_its_own_recording_as_the_voice_of_another():
    assert read("all").subjects == ("ann_0", "bob")
    assert read("all").rendered == (("ann_0", "bob"), ("bob", "ann_0"))
    assert read(["bob/ann_1"]).rendered == (("bob", "ann_1"),)
    with pytest.raises(UserError, match="ann_0/ann_1 is no pair of two people of the sheet"):
        read(["ann_0/ann_1"])
