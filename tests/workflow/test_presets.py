"""A preset runs the tables that it names, on any clip and any sheet."""

import re
from pathlib import Path

import pytest

from tests.support.workflow import REPO, jobs_of, planned, snakemake

OVERVIEWS = ("demo", "laptop", "preview")
"""Presets that mean their one table of one variant."""


def preset(name: str) -> list[str]:
    return ["--snakefile", f"{REPO}/workflow/Snakefile", "--configfile", preset_file(name)]


def preset_file(name: str) -> str:
    return str(REPO / f"config/presets/{name}.yaml")


@pytest.fixture
def work(tmp_path) -> Path:
    """A folder with a sheet of subjects of all data sets that tables are about, and a clip."""
    rows = ["ann\tlonghair\tclip.mp4", "bea\tshorthair\tclip.mp4", "cleo\town\tclip.mp4"]
    (tmp_path / "people.tsv").write_text("subject\tdataset\tvideo\n" + "\n".join(rows) + "\n")
    (tmp_path / "clip.mp4").touch()
    return tmp_path


@pytest.mark.parametrize("name", OVERVIEWS)
def test_a_preset_trains_one_variant_of_each_subject(work, name):
    jobs = planned(*preset(name), "--config", "subjects=people.tsv", cwd=work)
    assert jobs["train_dynamic"] == jobs["train_static"] == 3 and jobs["collate"] == 1


def test_all_tables_can_be_had_at_the_size_of_a_preset(work):
    jobs = planned(
        *preset("preview"), "--config", "subjects=people.tsv", "run_tables=all", cwd=work
    )
    # All variants of the tables on ann; on bea those of table1, on cleo that of overview.
    assert jobs["collate"] == 5 and jobs["train_dynamic"] > 15


def test_a_preset_leaves_tables_of_more_to_those_who_name_them(work):
    chosen = ["--config", "subjects=people.tsv", "run_tables=[table3]"]
    jobs = planned(*preset("preview"), *chosen, cwd=work)
    assert jobs["collate"] == 1 and jobs["train_dynamic"] == 3


def test_the_paper_preset_makes_all_tables(work):
    jobs = planned(*preset("paper"), "--config", "subjects=people.tsv", cwd=work)
    assert jobs["collate"] == 5


@pytest.mark.parametrize("name", OVERVIEWS)
def test_a_preset_takes_an_own_clip(work, name):
    done = snakemake("-n", *preset(name), "--config", "clip=clip.mp4", "name=me", cwd=work)
    jobs = jobs_of(done.stdout)
    assert jobs["train_dynamic"] == 1 and jobs["drive"] == (name == "demo")
    assert (
        "--audio results/me/speech/audio.wav" in done.stdout
    ) and "results/demo" not in done.stdout


def test_the_demo_drives_its_speaker_with_its_own_sound(work):
    done = snakemake("-n", *preset("demo"), cwd=work)
    assert re.search(r"unigs\.drive\.speak .*--audio results/demo/speech/audio\.wav", done.stdout)


def test_the_tables_of_the_paper_can_be_had_of_synthetic_speakers(tmp_path):
    """Two speakers of different seeds."""
    done = snakemake("tables", "-n", "-p", *preset("synthetic_tables"), cwd=tmp_path)
    jobs = jobs_of(done.stdout)
    assert jobs["make_speaker"] == 2 and jobs["collate"] == 3
    seeds = re.findall(r"unigs\.sources\.synthetic\.speaker .*--seed (\d+)", done.stdout)
    assert sorted(seeds) == ["1", "2"]
    # The paper's own settings, three grids, two sets of attributes, unigs_plus and the twin.
    assert jobs["train_dynamic"] == 2 * 8


def test_what_more_steps_bring_shares_one_static_portrait(work):
    done = snakemake(
        "-n", "-p", *preset("long_training"), "--config", "subjects=people.tsv", cwd=work
    )
    jobs = jobs_of(done.stdout)
    assert jobs["train_static"] == 3 and jobs["train_dynamic"] == 3 * 6 and jobs["collate"] == 1
    assert re.findall(r"unigs\.report\.sweep .*--values (\S+ ){6}", done.stdout)
    lengths = re.findall(r"unigs\.train\.dynamic .*results/ann/.*--iterations (\d+)", done.stdout)
    assert sorted(map(int, lengths)) == [2000, 4000, 8000, 16000, 32000, 64000]
