"""What reruns is what changed in meaning, and what follows from it."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable

import pytest
import yaml

from tests.support.workflow import jobs_of, planned, snakemake
from tests.workflow.conftest import copy_parts
from unigs.workflow.fingerprint import closure

PREPARATION = {"crop_clip", "detect_landmarks", "screen_clip", "extract_audio", "encode_speech"}
PREPARATION |= {"measure_eyes", "fit_pose", "segment_regions", "track_body"}


def configuration(change: Callable[[dict], dict | None]) -> Callable[[str], str]:
    """An edit of the text of a configuration by a change of what it says."""

    def new(text: str) -> str:
        config = yaml.safe_load(text)
        return yaml.safe_dump(change(config) or config, sort_keys=False)

    return new


def file_of(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


# Code


def test_touching_code_reruns_nothing(finished):
    for path in [*(finished / "unigs").rglob("*.py"), *(finished / "workflow").rglob("*.smk")]:
        path.touch()
    assert not planned(cwd=finished)


def test_words_about_code_rerun_nothing(finished, edit):
    edit("unigs/__init__.py", lambda text: re.sub('"[0-9.]+"', '"9.9.9"', text))
    edit("unigs/train/static.py", lambda text: f"# A comment.\n\n\n{text}")
    edit("unigs/geometry/rotations.py", lambda text: text.replace('"""', '"""Said anew: ', 1))
    edit("unigs/settings/crop.py", lambda text: text.replace("(the paper has 480)", "anyhow"))
    edit("workflow/rules/train.smk", lambda text: text.replace("(eqs. 1-3 and 8)", "anew"))
    edit("unigs/stage/progress.py", lambda text: text + "\nEDITED = True\n")
    assert not planned(cwd=finished)


def test_what_a_job_may_take_and_captions_of_the_report_rerun_nothing(finished, edit):
    edit("workflow/rules/train.smk", lambda text: text.replace("threads: 8", "threads: 3"))
    edit("workflow/rules/prepare.smk", lambda text: text.replace("mem_mb=4000", "mem_mb=9000"))
    edit("workflow/rules/evaluate.smk", lambda text: text.replace("runtime=60", "runtime=90"))
    edit("workflow/report/table.rst", lambda text: text + "Said anew.\n")
    assert not planned(cwd=finished)


def test_an_edited_module_reruns_its_stages_and_what_follows(finished, edit):
    only_dynamic = set(closure("unigs.train.dynamic")) - set(closure("unigs.train.static"))
    only_dynamic -= {*closure("unigs.evaluate.render"), *closure("unigs.prepare.speech.encode")}
    module = max(only_dynamic)
    edit(file_of(module), lambda text: text + "\nEDITED = True\n")
    done = snakemake("--dry-run", cwd=finished)
    jobs = jobs_of(done.stdout)
    assert jobs["train_dynamic"] == 5
    assert {"render_test", "evaluate", "collate", "drive"} <= set(jobs)
    assert not {*PREPARATION, "train_static", "make_speaker"} & set(jobs)
    reasons = re.findall("exclusive params before and now across all output: (.*)", done.stdout)
    assert len(reasons) == 5
    assert all(re.findall(r"(unigs[\w.]*):", reason) == [module] * 2 for reason in reasons)


def test_an_edited_function_of_one_stage(finished, edit):
    edit("unigs/report/figures.py", lambda text: text + "\ndef more():\n    return 1\n")
    assert planned(cwd=finished) == {"plot": 5, "gallery": 1, "all": 1}


def test_an_edited_template_reruns_the_page_and_nothing_else(finished, edit):
    edit("unigs/report/templates/parts.html", lambda text: text + "{# edited #}\n")
    assert planned(cwd=finished) == {"gallery": 1, "all": 1}


def test_edited_figures_of_the_paper_rerun_their_table_and_the_page(finished, edit):
    edit("resources/paper/figures.csv", lambda text: text.replace("25.66", "25.67"))
    assert planned(cwd=finished) == {"collate": 1, "gallery": 1, "all": 1}


def test_an_edited_rule_reruns_and_what_follows(finished, edit):
    edit(
        "workflow/rules/prepare.smk",
        lambda s: s.replace("-m unigs.prepare.pose.fit", "-m  unigs.prepare.pose.fit"),
    )
    jobs = planned(cwd=finished)
    assert jobs["fit_pose"] == 2 and jobs["train_static"] == 4 and jobs["train_dynamic"] == 5
    assert not {"crop_clip", "segment_regions", "measure_eyes"} & set(jobs)


# Places and times


def test_a_checkout_elsewhere_reruns_nothing(finished, tmp_path):
    clone = copy_parts(finished, tmp_path / "much" / "deeper" / "clone")
    assert not planned("--snakefile", str(clone / "workflow/Snakefile"), cwd=finished)


def test_copied_and_touched_results_rerun_nothing(finished, tmp_path):
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(finished, copy, copy_function=shutil.copyfile)
    large = [path for path in copy.rglob("results/**/*") if path.stat().st_size > 1_000_000]
    assert large
    now = max(path.stat().st_mtime for path in copy.rglob("*"))
    for k, path in enumerate(large):
        os.utime(path, (now + 9 + k, now + 9 + k))
    assert not planned(cwd=copy)


# Settings


def test_swapped_loss_weights_rerun_training(finished, edit):
    swapped = {"lambda_mouth": 0.3, "lambda_torso": 0.1}
    edit("config/config.yaml", configuration(lambda config: config | {"dynamic": swapped}))
    jobs = planned(cwd=finished)
    assert jobs["train_dynamic"] == 5 and jobs["train_static"] == 0


def test_an_override_of_one_variant_reruns_only_that(finished, edit):
    def override(config: dict) -> None:
        config["variants"]["grid_l24_f1"]["dynamic"]["lambda_hair"] = 0.5

    edit("config/config.yaml", configuration(override))
    jobs = planned("tables", cwd=finished)
    assert jobs["train_dynamic"] == jobs["evaluate"] == jobs["collate"] == 1


def test_what_is_added_runs_alone(finished, edit):
    """A variant, a subject, a sound: what was there before is only shown anew."""

    def add(config: dict) -> None:
        config["variants"]["new"] = {"base": "unigs", "dynamic": {"lambda_hair": 0.5}}
        config["tables"]["overview"]["variants"].append("new")
        config["videos"]["audio"].append("more words")

    edit("config/config.yaml", configuration(add))
    edit("config/subjects.tsv", lambda text: text + "cem\tshorthair\tsynthetic\t\n")
    (finished / "resources/audio/more words.wav").write_bytes(b"not looked into")
    text = snakemake("--dry-run", cwd=finished).stdout
    jobs = jobs_of(text)
    # new for ann and bea; unigs, unigs_plus and new for cem.
    assert jobs["train_dynamic"] == jobs["measure_speed"] == 5 and jobs["train_static"] == 2
    assert {rule: jobs[rule] for rule in PREPARATION} == dict.fromkeys(PREPARATION, 1)
    assert jobs["drive"] == 2 + 2 and jobs["make_speaker"] == 1
    remade = re.findall(r"^ +output: results/(?:ann|bea)/(\w+)/(\w+)", text, flags=re.M)
    assert {variant for variant, part in remade if part not in ("drive", "player")} == {"new"}


def test_what_is_told_of_a_clip_rewrites_cards_alone_and_reaches_the_next_training(finished, edit):
    def tell(text: str) -> str:
        heading, *rows = text.splitlines()
        told = [f"{heading}\tlicense\tconsent", *(f"{row}\tCC BY 4.0\tmyself" for row in rows)]
        return "\n".join(told) + "\n"

    edit("config/subjects.tsv", tell)
    assert planned(cwd=finished) == {"write_card": 5, "gallery": 1, "all": 1}
    done = snakemake("-n", "-p", "-R", "train_static", cwd=finished)
    assert "--license 'CC BY 4.0' --consent myself" in done.stdout


def backwards(part: object) -> object:
    """The same configuration, its mappings from back to front."""
    if not isinstance(part, dict):
        return part
    return {key: backwards(part[key]) for key in reversed(part)}


def test_equal_settings_rerun_nothing(finished, edit):
    def spell_out(config: dict) -> dict:
        tables, variants = config["tables"], backwards(config["variants"])
        spelt_out = {"crop": {"fps": 25, "size": 480}, "static": {"seed": 0, "iterations": 15000}}
        return backwards(config | spelt_out) | {"tables": tables, "variants": variants}

    edit("config/config.yaml", configuration(spell_out))
    assert not planned(cwd=finished)
    (finished / "torso.yaml").write_text("dynamic: {lambda_torso: 0.3}")
    paper = ["--configfile", "config/presets/paper.yaml", "torso.yaml"]
    assert not planned(*paper, cwd=finished)


def test_a_changed_default_reruns_its_stage(finished, edit):
    edit("unigs/settings/speech.py", lambda text: re.sub(r"(bands: .*) = 40", r"\1 = 41", text))
    jobs = planned(cwd=finished)
    assert jobs["encode_speech"] == 2 and jobs["train_dynamic"] == 5
    assert not {"train_static", "crop_clip", "fit_pose"} & set(jobs)


SPEED_AFTER = {"write_card": 5, "compare": 2, "collate": 2, "gallery": 1, "all": 1}
AFTER = {"draw_test_sheet": 5, "plot": 5, "draw_moments": 2, **SPEED_AFTER}


@pytest.mark.parametrize(
    "setting, jobs",
    [
        ({"band_share": 0.02}, {"evaluate": 5, **AFTER}),
        ({"speed_frames": 50}, {"measure_speed": 5, **SPEED_AFTER}),
        (
            {"device": "cpu"},
            {"render_test": 5, "evaluate": 5, "measure_speed": 5, **AFTER},
        ),
    ],
)
def test_an_evaluation_setting_reruns_its_readers(finished, edit, setting, jobs):
    edit("config/config.yaml", configuration(lambda config: config["evaluate"].update(setting)))
    assert planned(cwd=finished) == jobs


def test_a_changed_default_of_evaluation_reruns_its_readers(finished, edit):
    edit(
        "unigs/settings/evaluate.py",
        lambda text: re.sub(r"(speed_frames: .*) = 100", r"\1 = 200", text),
    )
    assert planned(cwd=finished) == {"measure_speed": 5, **SPEED_AFTER}


def test_a_replaced_model_file_reruns_its_stage(finished, edit):
    edit("resources/models/trunk.pth", lambda text: text + "more")
    assert planned(cwd=finished) == {"evaluate": 5, **AFTER}


# Tables


def reordered(config: dict) -> None:
    config["tables"]["overview"]["variants"].reverse()


def renamed(config: dict) -> None:
    config["tables"]["overview"]["about"] = "Another caption."


def shuffled(config: dict) -> None:
    config["tables"] = backwards(config["tables"])


@pytest.mark.parametrize(
    "change, jobs",
    [
        (reordered, Counter(compare=1, collate=1, gallery=1, all=1)),
        (renamed, Counter(collate=1, gallery=1, all=1)),
        (shuffled, Counter(gallery=1, all=1)),
    ],
)
def test_a_changed_table_is_made_anew(finished, edit, change, jobs):
    edit("config/config.yaml", configuration(change))
    assert planned(cwd=finished) == jobs
