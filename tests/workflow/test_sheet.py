"""Rows of the sheet become subjects, or a sentence that says which row is at fault."""

import re
import unicodedata
from pathlib import Path

import pytest

from unigs.settings.subject import NAME, Subject
from unigs.stage.errors import UserError
from unigs.workflow.sheet import (
    checked_subjects,
    folder_name,
    is_synthetic,
    one_clip,
    read_sheet,
    source_video,
    speaker_seed,
)  # fmt: skip

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
        ("Zoë Müller.mp4", None, "zoe_muller"),
    ],
)
def test_one_clip_is_a_row_of_the_sheet(path, name, subject):
    row = one_clip(path, name)
    assert row == {"subject": subject, "dataset": "own", "video": path}
    assert re.search(NAME, subject) and subjects(row)[subject].video == path


def test_names_of_other_scripts_stay_apart_and_stay_the_same():
    names = ["Вася", "Петя", "Ærø", "Ørø", "王 1", "李 1"]
    folders = [folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(re.fullmatch(NAME, name) for name in folders)
    assert folder_name("вася") == folders[0] and folders[0].startswith("portrait_")
    # Accents as one character, or as a letter and a combining mark, as macOS writes them.
    assert folder_name("й") == folder_name(unicodedata.normalize("NFD", "й"))


def test_a_sheet_is_looked_for_here_and_then_in_the_repository(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(tmp_path)
    (repository / "people.tsv").write_text("subject\tdataset\nzoë's\t a \n", encoding="utf-8")
    assert read_sheet("people.tsv", repository) == [{"subject": "zoë's", "dataset": "a"}]
    (tmp_path / "people.tsv").write_text("subject\tdataset\nann\tb\n")
    assert read_sheet("people.tsv", repository) == [{"subject": "ann", "dataset": "b"}]


ROWS = [{"subject": "ann", "video": "ä b.mp4"}, {"subject": "bea", "video": "b.mp4"}]


@pytest.mark.parametrize(
    "content",
    [
        "subject\tvideo\nann\tä b.mp4\nbea\tb.mp4\n".encode(),
        "subject\tvideo\r\nann\tä b.mp4\r\nbea\tb.mp4\r\n".encode(),
        "subject\tvideo\rann\tä b.mp4\rbea\tb.mp4".encode(),
        "subject\tvideo\nann\tä b.mp4\t\t\nbea\tb.mp4\t\n".encode(),  # tabs at the end
        "subject\tvideo\t\t\nann\tä b.mp4\t\t\nbea\tb.mp4\n\t\t\n\n".encode(),
        "\ufeffsubject\tvideo\nann\tä b.mp4\nbea\tb.mp4\n".encode(),  # Excel's mark
        "subject\tvideo\r\nann\tä b.mp4\r\nbea\tb.mp4\r\n".encode("utf-16"),  # Excel's text
        ' subject \t video\nann\t"ä b.mp4"\nbea\tb.mp4 \n'.encode(),
    ],
)
def test_a_sheet_may_come_from_any_editor(tmp_path, content):
    (tmp_path / "people.tsv").write_bytes(content)
    assert read_sheet(str(tmp_path / "people.tsv"), REPO) == ROWS


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", "people.tsv names no subject: write its columns, then a row"),
        (b"subject\tvideo\n\t\n\n", "people.tsv names no subject: "),
        ("subject\tvideo\nann\tä.mp4\n".encode("latin-1"), "people.tsv is not UTF-8 in line 2"),
        (b"subject\tvideo\tvideo\nann\ta\tb\n", "people.tsv has two columns video: leave one out"),
        (b"subject;video\nann;a.mp4\n", "people.tsv has no column subject: .* tabs between"),
        (b"subject\tvideo\nann\ta\tb\n", "people.tsv, line 2: 'b' stands in a column without a"),
        (b'subject\tvideo\nann\t"a.mp4\nbea\tb.mp4\n', "people.tsv is no table with tabs .*quotes"),
    ],
)
def test_what_is_no_sheet_gets_one_sentence(tmp_path, monkeypatch, content, sentence):
    (tmp_path / "people.tsv").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^{sentence}") as stopped:
        read_sheet("people.tsv", REPO)
    assert "\n" not in str(stopped.value)


def test_a_sheet_that_is_not_there_gets_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"the sheet none\.tsv cannot be read: No such file"):
        read_sheet("none.tsv", tmp_path)


def test_a_row_without_a_video_is_told_so():
    sentence = (
        "^sheet of subjects, ann: neither video nor url is filled in: give the path of a video"
    )
    with pytest.raises(UserError, match=sentence):
        subjects({"subject": "ann", "dataset": "own", "video": " "})


def test_a_path_with_braces_is_fetched_since_it_cannot_be_an_input(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ann = subjects(ANN | {"video": "films/a {x}.mp4"})["ann"]
    assert source_video(ann) == "resources/downloads/ann.mp4"
    assert ann.url == (tmp_path / "films/a {x}.mp4").as_uri() and "{" not in ann.url
    with pytest.raises(
        UserError, match="^sheet of subjects, ann: {x}.csv holds braces, .*rename it"
    ):
        subjects(ANN | {"openface": "{x}.csv"})


def test_a_path_that_begins_with_a_dash_is_no_flag():
    assert source_video(Subject("ann", "own", video="-a.mp4")) == str(Path("-a.mp4").absolute())


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
    with pytest.raises(UserError, match="sheet of subjects, row 1: .*'subject' is a required"):
        subjects(ANN | {"subject": ""})


@pytest.mark.parametrize(
    "cells, sentence",
    [
        ({"start": "9", "stop": "2.5"}, r"ann: stop 2\.5 does not come after start 9: give"),
        ({"start": "3", "stop": "3.0"}, r"ann: stop 3\.0 does not come after start 3: give"),
        ({"stop": "0"}, "ann: stop 0 does not come after start 0: give"),
        ({"remove": "1-2,5-3.2"}, r"ann: remove 5-3\.2 ends before it begins: give"),
        ({"test": "8-7.5"}, r"ann: test 8-7\.5 ends before it begins: give"),
    ],
)
def test_seconds_that_run_backwards_are_refused_before_anything_runs(cells, sentence):
    with pytest.raises(UserError, match=f"^sheet of subjects, {sentence}"):
        subjects(ANN | cells)
    subjects(ANN | {"start": "2", "stop": "10", "remove": "1-2,3-3.5", "test": "4-6"})


PAGE = {"subject": "ann", "dataset": "longhair", "url": "https://example.org/watch?v=a"}


def test_of_a_page_a_part_and_a_format_are_taken():
    row = PAGE | {"section": "61-185.5", "format": "bv*[height<=720]+ba/b"}
    subject = subjects(row)["ann"]
    assert (subject.section, subject.format) == ("61-185.5", "bv*[height<=720]+ba/b")


@pytest.mark.parametrize(
    "row, sentence",
    [
        (PAGE | {"section": "9-2.5"}, r"ann: section 9-2\.5 ends before it begins: give"),
        (PAGE | {"section": "9"}, "ann: section: '9' does not match"),
        (PAGE | {"section": "*1-inf"}, "ann: section: .* does not match"),
        # Another option of yt-dlp.
        (PAGE | {"format": "--exec=x"}, "ann: format: '--exec=x' does not match"),
        (PAGE | {"format": "b -o x"}, "ann: format: .* does not match"),
        (ANN | {"section": "1-2"}, "ann: section is filled in, which needs a url: leave it empty"),
        (ANN | {"format": "b"}, "ann: format is filled in, which needs a url: leave it empty"),
    ],
)
def test_what_cannot_be_taken_of_a_page_is_a_sentence(row, sentence):
    with pytest.raises(UserError, match=f"^sheet of subjects, {sentence}"):
        subjects(row)


def test_a_subject_stands_once():
    with pytest.raises(UserError, match=r"^ann stands twice in people\.tsv\.$"):
        subjects(ANN, ANN | {"video": "other.mp4"})


def test_source_video():
    assert source_video(Subject("ann", "own", video="a b.mp4")) == "a b.mp4"
    assert source_video(Subject("ann", "own", video="a.mp4", url="https://x")) == "a.mp4"
    assert source_video(Subject("ann", "own", url="https://x")) == "resources/downloads/ann.mp4"
    made_up = Subject("bea", "own", video="synthetic")
    assert source_video(made_up) == "results/bea/source/video.mp4"


@pytest.mark.parametrize("video, seed", [("synthetic", {}), ("synthetic:12", {"seed": 12})])
def test_a_synthetic_speaker_may_have_a_seed(video, seed):
    made_up = subjects(ANN | {"video": video})["ann"]
    assert is_synthetic(made_up) and speaker_seed(made_up) == seed
    assert source_video(made_up) == "results/ann/source/video.mp4"


@pytest.mark.parametrize("video", ["synthetic.mp4", "films/synthetic:2", "ann.mp4"])
def test_other_videos_are_no_synthetic_speaker(video):
    other = subjects(ANN | {"video": video})["ann"]
    assert not is_synthetic(other) and speaker_seed(other) == {} and source_video(other) == video


@pytest.mark.parametrize("seed", ["", "-1", "two", "²", "1; rm"])
def test_a_seed_is_a_whole_number(seed):
    sentence = "^sheet of subjects, ann: video is .* a whole number, the seed"
    with pytest.raises(UserError, match=sentence):
        subjects(ANN | {"video": f"synthetic:{seed}"})
