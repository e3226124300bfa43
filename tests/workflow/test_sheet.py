"""Rows of the sheet become subjects, or a sentence that says which row is at fault."""

import re
from pathlib import Path

import pytest

from unigs.settings.subject import NAME, Subject
from unigs.stage.errors import UserError
from unigs.workflow.sheet import checked_subjects, one_clip, read_sheet, source_video

REPO = Path(__file__).parents[2]
ANN = {"subject": "ann", "dataset": "own", "video": "ann.mp4"}


def subjects(*rows: dict[str, str]) -> dict[str, Subject]:
    return checked_subjects(list(rows), "people.tsv", REPO)


@pytest.mark.parametrize(
    "path, name, subject",
    [
        ("films/My Clip (final): 2.mp4", None, "my_clip_final_2"),
        ("films/My Clip.mp4", "", "my_clip"),
        ("films/My Clip.mp4", "Jo Ann", "jo_ann"),
        ("films/My Clip.mp4", 7, "7"),  # a number, as YAML reads it
        ("__.mp4", None, "portrait"),
        ("Ærø.mp4", None, "r"),
    ],
)
def test_one_clip_is_a_row_of_the_sheet(path, name, subject):
    row = one_clip(path, name)
    assert row == {"subject": subject, "dataset": "own", "video": path}
    assert re.search(NAME, subject) and subjects(row)[subject].video == path


def test_a_sheet_is_looked_for_here_and_then_in_the_repository(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(tmp_path)
    (repository / "people.tsv").write_text("subject\tdataset\nzoë's\t a \n", encoding="utf-8")
    assert read_sheet("people.tsv", repository) == [{"subject": "zoë's", "dataset": " a "}]
    (tmp_path / "people.tsv").write_text("subject\tdataset\nann\tb\n")
    assert read_sheet("people.tsv", repository) == [{"subject": "ann", "dataset": "b"}]


def test_cells_are_stripped_and_empty_ones_absent():
    row = ANN | {"start": " 1.5 ", "stop": "", "crop": "  ", "url": None}
    assert subjects(row) == {"ann": Subject("ann", "own", video="ann.mp4", start="1.5")}


def test_subjects_keep_the_order_of_their_rows():
    names = ["zoe", "ann", "mia"]
    assert list(subjects(*(ANN | {"subject": name} for name in names))) == names


def test_a_wrong_cell_is_named_with_its_row():
    with pytest.raises(UserError, match="sheet of subjects, Ann: subject: 'Ann' does not match"):
        subjects(ANN | {"subject": "Ann"})
    with pytest.raises(UserError, match="sheet of subjects, ann: .*'age' was unexpected"):
        subjects(ANN | {"age": "40"})
    with pytest.raises(UserError, match="sheet of subjects, None: .*'subject' is a required"):
        subjects(ANN | {"subject": ""})


def test_a_subject_stands_once():
    with pytest.raises(UserError, match=r"^ann stands twice in people\.tsv\.$"):
        subjects(ANN, ANN | {"video": "other.mp4"})


def test_source_video():
    assert source_video(Subject("ann", "own", video="a b.mp4")) == "a b.mp4"
    assert source_video(Subject("ann", "own", video="a.mp4", url="https://x")) == "a.mp4"
    assert source_video(Subject("ann", "own", url="https://x")) == "resources/downloads/ann.mp4"
    made_up = Subject("bea", "own", video="synthetic")
    assert source_video(made_up) == "results/bea/source/video.mp4"
