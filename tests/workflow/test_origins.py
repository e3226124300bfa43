"""Results are never replaced by those of another video, unless somebody says so."""

import json
from pathlib import Path

import pytest

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow.origins import check_origins, fingerprint, record_origins


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Two clips of one name."""
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "video.mp4").write_bytes(folder.encode() * 200_000)


def people(**columns: str) -> dict[str, Subject]:
    return {"video": Subject("video", "own", **columns)}


def finish(subjects: dict[str, Subject]) -> None:
    """As a run that made something."""
    check_origins(subjects, [])
    record_origins(subjects)
    for name in subjects:
        Path("results", name, "clip").mkdir(exist_ok=True)


OLD = people(video="a/video.mp4")


@pytest.mark.parametrize(
    "new, now",
    [
        ({"video": "b/video.mp4"}, "b/video.mp4"),
        ({"url": "https://example.org/v.mp4"}, "https://example.org/v.mp4"),
        ({"video": "synthetic"}, "synthetic"),
        ({"video": "not/there.mp4"}, "not/there.mp4"),
    ],
)
def test_another_source_is_refused_by_name_and_taken_on_the_word(new, now):
    finish(OLD)
    sentence = (
        f"^results/video was made from a/video.mp4 and not from {now}: choose another name .*"
        r"NAME=.*--config replace=video\)\.$"
    )
    with pytest.raises(UserError, match=sentence):
        check_origins(people(**new), [])
    check_origins(people(**new), ["video"])
    record_origins(people(**new))
    check_origins(people(**new), [])
    with pytest.raises(UserError, match=f"was made from {now} and not from a/video.mp4"):
        check_origins(OLD, [])


def test_another_address_is_another_source():
    finish(people(url="https://example.org/1.mp4"))
    check_origins(people(url="https://example.org/1.mp4"), [])
    with pytest.raises(UserError, match="made from https://example.org/1.mp4 and not from"):
        check_origins(people(url="https://example.org/2.mp4"), [])


def test_a_file_that_was_overwritten_is_another_source():
    finish(OLD)
    content = bytearray(Path("a/video.mp4").read_bytes())
    content[-1] = 0
    Path("a/video.mp4").write_bytes(content)
    with pytest.raises(UserError, match="^a/video.mp4 has changed since results/video was made"):
        check_origins(OLD, [])


def test_a_clip_may_move_be_touched_or_be_gone():
    finish(OLD)
    Path("a/video.mp4").touch()
    check_origins(OLD, [])
    Path("a/video.mp4").rename("moved.mp4")
    check_origins(people(video="moved.mp4"), [])
    check_origins(OLD, [])
    record = Path("results/video/source.json").read_text()
    record_origins(OLD)
    assert Path("results/video/source.json").read_text() == record, "what is known stays known"


def test_without_results_there_is_nothing_to_lose():
    record_origins(OLD)
    check_origins(people(video="b/video.mp4"), [])


def test_results_without_a_record_are_adopted():
    Path("results/video/clip").mkdir(parents=True)
    check_origins(OLD, [])
    record_origins(OLD)
    assert json.loads(Path("results/video/source.json").read_text()) == {
        "source": "a/video.mp4",
        "content": fingerprint(Path("a/video.mp4")),
        "dataset": "own",
    }


def test_every_subject_at_fault_has_its_line_and_none_is_made_up():
    both = OLD | {"ann": Subject("ann", "own", url="https://example.org/1.mp4")}
    finish(both)
    swapped = people(video="b/video.mp4") | {"ann": Subject("ann", "own", video="synthetic")}
    with pytest.raises(UserError) as stopped:
        check_origins(swapped, [])
    assert len(str(stopped.value).splitlines()) == 2
    with pytest.raises(UserError, match="^replace: no subject is called bob"):
        check_origins(OLD, ["bob"])


def test_a_damaged_record_is_a_sentence():
    finish(OLD)
    for text in ("{", "[]", '{"a": 1}'):
        Path("results/video/source.json").write_text(text)
        with pytest.raises(UserError, match=r"^results/video/source\.json cannot be read: delete"):
            check_origins(OLD, [])
