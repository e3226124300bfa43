"""Imported subjects: what the import wrote takes the place of what rules would make."""

import json
import shutil
from collections import Counter

import pytest

from tests.support.workflow import FAKE_PYTHON, REPO, jobs_of, planned, snakemake
from unigs.stage.errors import UserError
from unigs.workflow import imports
from unigs.workflow.origins import origin
from unigs.workflow.sheet import checked_subjects

ALWAYS = (imports.VIDEO, imports.GIVEN_TABLE, imports.GIVEN_POSES)


def write_import(folder, *files, hears=True):
    """An import whose files are not looked into."""
    for name in (*ALWAYS, *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} of {folder.name}")
    (folder / imports.RECORD).write_text(json.dumps({"format": imports.FORMAT, "hears": hears}))
    return str(folder)


def row(folder, **cells):
    return {"subject": "cleo", "dataset": "imported", "imported": folder, **cells}


def subject_of(folder, **cells):
    return checked_subjects([row(folder, **cells)], "people.tsv", REPO)["cleo"]


def test_files_of_an_import_are_results(tmp_path):
    whole = write_import(tmp_path / "whole", imports.SOUND, imports.EYES)
    subject = subject_of(whole)
    assert imports.taken({"cleo": subject}) == {
        "cleo/clip/video.mp4": f"{whole}/clip/video.mp4",
        "cleo/speech/audio.wav": f"{whole}/speech/audio.wav",
        "cleo/face/eyes.csv": f"{whole}/face/eyes.csv",
    }
    assert imports.given(subject, imports.GIVEN_POSES) == [f"{whole}/given/poses.npz"]
    assert imports.clip_sound(subject) == ["results/cleo/speech/audio.wav"]


def test_who_can_hear(tmp_path):
    def hears(name, *files, hears=True):
        return bool(imports.hearing({"cleo": subject_of(write_import(tmp_path / name, *files,
                                                                     hears=hears))}))  # fmt: skip

    assert hears("ours", imports.SOUND)
    assert hears("kept", imports.SOUND, imports.FEATURES)
    assert not hears("theirs", imports.SOUND, imports.FEATURES, hears=False)
    assert not hears("mute")
    assert imports.clip_sound(subject_of(str(tmp_path / "mute"))) == []


@pytest.mark.parametrize(
    "cells, sentence",
    [
        (
            {"imported": "nowhere"},
            "cleo: imported nowhere holds no import.json: make it",
        ),
        ({"video": "a.mp4"}, "cleo: imported and video are filled in: an import brings its frames"),
        ({"test": "3-4"}, "cleo: imported and test are filled in"),
        ({"openface": "a.csv"}, "cleo: imported and openface are filled in"),
        ({"imported": "a{b}"}, "a{b} holds braces"),
    ],
)
def test_rows_that_do_not_fit(tmp_path, cells, sentence):
    with pytest.raises(UserError, match=sentence):
        subject_of(write_import(tmp_path / "import"), **cells)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}'])
def test_a_record_that_cannot_be_read(tmp_path, text):
    folder = write_import(tmp_path / "import")
    (tmp_path / "import/import.json").write_text(text)
    with pytest.raises(UserError, match=r"import\.json is damaged, or of another version"):
        subject_of(folder)


def test_an_import_is_known_again_wherever_it_lies(tmp_path):
    first = origin(subject_of(write_import(tmp_path / "import")))
    shutil.copytree(tmp_path / "import", tmp_path / "copy")
    second = origin(subject_of(str(tmp_path / "copy")))
    other = origin(subject_of(write_import(tmp_path / "other", hears=False)))
    assert second.is_that_of(first) and not other.is_that_of(first)


# Planned and run


@pytest.fixture(scope="module")
def work(checkout, tmp_path_factory):
    """A working directory with an import of ours and one with another system's features."""
    folder = tmp_path_factory.mktemp("imports") / "it's here"
    write_import(folder / "in/ours", imports.SOUND, imports.EYES)
    regions = (imports.LABELS, imports.BACKGROUND, imports.HOLE)
    write_import(folder / "in/theirs", imports.SOUND, imports.FEATURES, *regions, hears=False)
    write_import(folder / "in/mute", imports.FEATURES, hears=False)
    (folder / "people.tsv").write_text(
        "subject\tdataset\tvideo\timported\n"
        "ann\tx\tsynthetic\t\nour\tx\t\tin/ours\ntheir\tx\t\tin/theirs\nmute\tx\t\tin/mute\n"
    )
    (folder / "resources/audio").mkdir(parents=True)
    (folder / "resources/audio/words.wav").touch()
    (folder / "config.yaml").write_text(
        "subjects: people.tsv\ntables: {overview: {variants: [unigs]}}\nrun_tables: [overview, "
        "voices]\nvideos: {variants: [unigs], audio: [words]}\n"
    )
    return folder


@pytest.fixture(scope="module")
def command(checkout):
    return ["--snakefile", str(checkout / "workflow/Snakefile"), "--configfile", "config.yaml"]


def test_rules_make_what_an_import_does_not_bring(work, command):
    text = snakemake("--dry-run", "-p", *command, cwd=work).stdout
    jobs = jobs_of(text)
    # ann alone has a video to crop; landmarks, frames and poses are found for all.
    assert jobs["crop_clip"] == jobs["extract_audio"] == jobs["make_speaker"] == 1
    assert jobs["detect_landmarks"] == jobs["screen_clip"] == jobs["fit_pose"] == 4
    assert jobs["encode_speech"] == 2, "ann and our"
    assert jobs["measure_eyes"] == 3 and jobs["segment_regions"] == 3
    # The mask of the hole in the plate is for people: no rule asks for it.
    assert jobs["take_import"] == 3 + 5 + 2
    assert jobs["evaluate"] == 4 and jobs["drive"] == 2, "the deaf speak nothing"
    assert "--given in/ours/given/frames.csv" in text and "--given in/mute/given/poses.npz" in text
    subjects = [line for line in text.splitlines() if "unigs.evaluate.voices --subjects" in line]
    assert len(subjects) == 1 and "--subjects ann our --frame" in subjects[0]


def test_a_clip_without_sound_is_judged_without(work, command):
    text = snakemake("--dry-run", "-p", *command, cwd=work).stdout
    heard = Counter(
        "--audio" in line
        for line in text.splitlines()
        if "unigs.evaluate.render" in line or "unigs.evaluate.score" in line
    )
    assert heard == {True: 6, False: 2}


def test_finished_results_of_imports_stay_until_the_import_changes(work, command, tmp_path):
    copy = shutil.copytree(work, tmp_path / "work")
    script = tmp_path / "python.sh"
    script.write_text(FAKE_PYTHON)
    snakemake(*command, cwd=copy, BASH_ENV=str(script))
    video = copy / "results/our/clip/video.mp4"
    assert video.read_text() == "clip/video.mp4 of ours"
    assert json.loads((copy / "results/our/source.json").read_text())["source"] == "in/ours"
    assert not planned(*command, cwd=copy)
    (copy / "in/ours/given/poses.npz").write_text("refined")
    jobs = planned(*command, cwd=copy)
    assert jobs["fit_pose"] == 1 and jobs["take_import"] == jobs["detect_landmarks"] == 0
    # An import made anew is another source: nothing is replaced unasked.
    write_import(copy / "in/ours", imports.SOUND, imports.EYES, hears=False)
    done = snakemake("-n", *command, cwd=copy, check=False)
    assert "in/ours has changed since results/our was made from it" in done.stdout + done.stderr
