"""Stages that are killed and run again end in the files of one that nothing disturbed, bit by bit.

They are killed at random moments, and in every act of writing of theirs, of a small synthetic
speaker; the command lines are those of the workflow.
"""

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.kills import PREPARATION, TRAININGS, Stage, attempt, contents, planned_stages
from tests.support.tiny_workflow import working_directory
from unigs.pretrained.auto import DETECTORS

pytestmark = pytest.mark.faults
CONFIG = {
    "subjects": "people.tsv",
    "demo": {"seconds": 5, "size": 96, "strands": 40},
    "crop": {"size": 64},
    "speech": {"backend": "logmel"},
    "regions": {"rounds": 1},
    "static": {
        "iterations": 200, "points": 400, "max_gaussians": 600, "densify_from": 40,
        "densify_every": 20, "evaluate_every": 60, "refine_poses_at": 0.5, "device": "cpu",
        "anchor": True, "follow_body": True, "refine_torso": True,
    },
    "dynamic": {
        "iterations": 100, "grid_levels": 4, "grid_finest": 32, "lip_code": 2,
        "evaluate_every": 30, "ema": 0.9, "validation_share": 0.1, "device": "cpu",
    },
    "variants": {"only": {}},
    "tables": {"overview": {"variants": ["only"]}},
    "run_tables": "overview",
}  # fmt: skip
STEPS = {name: f"{name.replace('_', ' ')}: " for name in TRAININGS}
"""What trainings say at their first step."""
OFTEN = {
    "unigs.train.checkpoint.EVERY_SECONDS": 0.1,
    "unigs.lips.networks.FEWEST_STEPS": 40,
    "unigs.lips.networks.STEPS_PER_FRAME": 0,
}
"""Checkpoints in the short time that these trainings take, and lips learned in less."""
ALWAYS = OFTEN | {"unigs.train.checkpoint.EVERY_SECONDS": -1}
"""A checkpoint after every step: as many acts of writing on a fast machine as on a slow one."""
KILLS = 20
"""Kills of each stage at random moments; those in the act of writing come on top."""


@pytest.fixture(scope="module")
def work(tmp_path_factory, real_model) -> Path:
    """A working directory in which every stage has run undisturbed."""
    real_model(DETECTORS)
    folder = tmp_path_factory.mktemp("killed").resolve()
    working_directory(folder, CONFIG, "synthetic")
    return folder


@dataclass(frozen=True)
class Undisturbed:
    """A stage that nothing disturbed."""

    stage: Stage
    whole: dict[str, object]
    """What it made."""
    seconds: float
    """How long it took."""
    training: float
    """Seconds of these in which it took steps; 0 if it is no training."""


@pytest.fixture(scope="module")
def undisturbed(work) -> dict[str, Undisturbed]:
    """Every stage, undisturbed."""
    found = {}
    stages = planned_stages(work, ["train"], UNIGS_MODELS=os.environ["UNIGS_MODELS"])
    assert {*PREPARATION, *TRAININGS} <= set(stages)
    for stage in stages.values():
        for name in stage.outputs:
            (work / name).parent.mkdir(parents=True, exist_ok=True)
        attempt(stage, work, changed=OFTEN)  # loads what is loaded once, kernels above all
        started = time.monotonic()
        done = attempt(stage, work, changed=OFTEN)
        assert done.code == 0, f"{stage.name}: {done.said}"
        seconds = time.monotonic() - started
        whole, training = contents(work, stage.outputs), 0.0
        assert len(whole) == len(stage.outputs)
        if stage.name in TRAININGS:
            record = next(name for name in stage.outputs if name.endswith("run.json"))
            training = json.loads((work / record).read_text())["summary"]["seconds"]
        found[stage.name] = Undisturbed(stage, whole, seconds, training)
    return found


def clear(work: Path, stage: Stage) -> None:
    """Remove a stage's results, what hides beside them, and its checkpoint."""
    for folder in {(work / name).parent for name in stage.outputs}:
        for path in folder.glob("*"):
            if path.name.startswith(".") or path.name == "last.ckpt":
                path.unlink()
    for name in stage.outputs:
        (work / name).unlink(missing_ok=True)


def checkpoint(work: Path, stage: Stage) -> Path:
    """Where a training keeps its state."""
    return (work / stage.outputs[0]).parent / "last.ckpt"


def saved_step(work: Path, stage: Stage) -> int | None:
    """The step at which a training would go on; None: at its beginning."""
    if not checkpoint(work, stage).exists():
        return None
    return torch.load(checkpoint(work, stage), weights_only=True)["state"]["step"]


def nothing_half_written(work: Path, stage: Stage, whole: dict[str, object]) -> None:
    """What lies there under the name of a result is that result."""
    for name, content in contents(work, stage.outputs).items():
        assert content == whole[name], f"{name} is half written"
    if checkpoint(work, stage).exists():
        torch.load(checkpoint(work, stage), weights_only=True)


def ends_like(work: Path, stage: Stage, whole: dict[str, object], **how: object) -> str:
    """Run a stage to its end: it makes what it made undisturbed. Returns what it said."""
    done = attempt(stage, work, changed=OFTEN, **how)
    assert done.code == 0, done.said
    made = contents(work, stage.outputs)
    assert sorted(made) == sorted(whole)
    assert [name for name in whole if made[name] != whole[name]] == []
    assert not list(work.glob("**/last.ckpt"))
    return done.said


@pytest.mark.parametrize("name", [*PREPARATION, *TRAININGS])
def test_killed_at_random_moments(work, undisturbed, name, tried):
    """Every other kill of a training comes while it takes steps, however short that is."""
    stage, whole = undisturbed[name].stage, undisturbed[name].whole
    # How long it takes is measured on a busy machine: it shrinks when a stage is done before.
    longest = {"": undisturbed[name].seconds}
    if name in TRAININGS:
        longest[STEPS[name]] = undisturbed[name].training
    generator, kills, resumed = np.random.default_rng(len(name)), 0, 0
    clear(work, stage)
    for attempts in range(5 * KILLS):
        if kills == KILLS:
            break
        since = list(longest)[attempts % len(longest)]
        after = generator.uniform(0, longest[since])
        done = attempt(stage, work, after=after, since=since, changed=OFTEN)
        resumed += "resuming from" in done.said
        nothing_half_written(work, stage, whole)
        if done.killed:
            kills += 1
        else:
            longest[since] = after
            clear(work, stage)
    assert kills == KILLS
    ends_like(work, stage, whole)
    assert resumed or name not in TRAININGS
    tried("Killed processes", f"{name} killed at a random moment", "kill -9", times=kills)


@pytest.mark.parametrize("name", [*PREPARATION, *TRAININGS])
def test_killed_in_the_act_of_writing(work, undisturbed, name, tried):
    """In each act, if there are not more of them than 25; what is written is half there."""
    stage, whole = undisturbed[name].stage, undisturbed[name].whole
    clear(work, stage)
    acts = attempt(stage, work, changed=ALWAYS).acts
    assert acts >= 3 * len(stage.outputs)
    chosen = np.unique(np.linspace(0, acts - 1, 25).astype(int))
    clear(work, stage)
    for act in chosen:
        for _ in range(2):
            done = attempt(stage, work, act=int(act), changed=ALWAYS)
            nothing_half_written(work, stage, whole)
            if done.killed:
                break
            clear(work, stage)  # a training that resumes has less to write: it begins anew
        assert done.killed, f"it wrote {done.acts} times, and {acts} times before"
    ends_like(work, stage, whole)
    tried("Killed processes", f"{name} killed in the act of writing", "kill -9", times=len(chosen))


@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_at_random_moments(work, undisturbed, name, number, tried):
    """It saves what it has and says so; nothing but the checkpoint lies there.

    Every other time it is asked while it takes steps.
    """
    stage, whole = undisturbed[name].stage, undisturbed[name].whole
    seconds = undisturbed[name].seconds
    generator, stops, saved, promised = np.random.default_rng(number), 0, 0, ""
    clear(work, stage)
    for attempts in range(40):
        if stops == 5:
            break
        since, longest = [("", seconds), (STEPS[name], undisturbed[name].training)][attempts % 2]
        after = generator.uniform(0, longest)
        done = attempt(stage, work, after=after, since=since, number=number, changed=OFTEN)
        if "train " in done.said:  # it is past the reading of its checkpoint
            assert promised in done.said
        if done.code == 0:
            clear(work, stage)
            promised = ""
            continue
        if f"{name} {{" not in done.said:
            continue  # it had not begun
        last = done.said.splitlines()[-1]
        assert done.code == 128 + number, done.said
        assert last.startswith("interrupted: run the same command again"), done.said
        stops += 1
        if "it resumes at step" in last:
            assert last.endswith(f"at step {saved_step(work, stage)}"), last
            assert contents(work, stage.outputs) == {}
            saved, told = saved + 1, last
        step = saved_step(work, stage)
        if step is None:  # it had written its results, or had nothing to keep
            assert not promised or contents(work, stage.outputs) == whole
        promised = "" if step is None else f"last.ckpt at step {step}\n"
    assert stops == 5 and saved
    assert promised in ends_like(work, stage, whole)
    word = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    tried("Killed processes", f"{name} asked to stop by {word}", word, said=told, times=stops)


CHANGES = {
    "train_static": ("--lambda-dssim", "0.3"),
    "train_dynamic": ("--lambda-mouth", "0.3"),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_another_setting_does_not_resume(work, undisturbed, name, tried):
    """It ends like a training that began with it; so does one whose input is another."""
    stage = undisturbed[name].stage
    clear(work, stage)
    attempt(stage, work, changed=OFTEN, more=CHANGES[name])
    fresh = contents(work, stage.outputs)
    clear(work, stage)
    how = {"since": STEPS[name], "number": signal.SIGTERM, "changed": OFTEN}
    for share in (0.5, 0.2, 0.1, 0):  # a machine that was busy may be idle now
        clear(work, stage)
        stopped = attempt(stage, work, after=share * undisturbed[name].training, **how)
        if stopped.code:
            break
    assert "it resumes at step" in stopped.said
    said = ends_like(work, stage, fresh, more=CHANGES[name])
    assert "belongs to other settings or inputs: starting over" in said
    tried("Killed processes", f"{name} goes on with another setting", said="starting over")
