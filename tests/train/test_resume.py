"""A training that is killed at random steps ends in the same files as one that is not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.support.stages import PROVENANCE, STATIC, STATIC_RESULTS
from tests.train.test_dynamic import DYNAMIC
from unigs.lips import networks
from unigs.train.checkpoint import Checkpoint
from unigs.train.dynamic import DynamicTask, train_dynamic
from unigs.train.static import StaticTask, train_static


class Killed(BaseException):
    """All that kill -9 leaves behind is last.ckpt, and so does this."""


def kill_at_random_steps(stage, task, first, last, seed):
    """Run a stage to its end, killed three times, with checkpoints after random steps.

    Args:
        stage: function without arguments.
        task: class of its task.
        first: first step that it may be killed at.
        last: step after the last one.
        seed: of the steps.
    """
    generator, step, load, resumed = np.random.default_rng(seed), task.step, Checkpoint.load, []
    kills = sorted(
        generator.choice(np.arange(first, last), 3, replace=False).tolist(), reverse=True
    )

    def mortal(self, number):
        if kills and number == kills[-1]:
            kills.pop()
            raise Killed
        return step(self, number)

    def noted(self):
        state = load(self)
        resumed.append(state is not None)
        return state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "step", mortal)
        patch.setattr(Checkpoint, "due", lambda self: generator.random() < 0.2)
        patch.setattr(Checkpoint, "load", noted)
        while kills:
            with pytest.raises(Killed):
                stage()
        stage()
    assert resumed[0] is False and sum(resumed) >= 2


def same_results(a, b):
    """Compare all files but run.json, and all columns but the seconds."""
    for name in ("portrait.safetensors", "pose.npz", "motion.npz"):
        if (a / name).exists():
            assert (a / name).read_bytes() == (b / name).read_bytes(), name
    curves = [pd.read_csv(folder / "curve.csv").drop(columns="seconds") for folder in (a, b)]
    pd.testing.assert_frame_equal(*curves, check_exact=True)
    assert not (b / "last.ckpt").exists()


@pytest.mark.parametrize("seed", [0, 1])
def test_static_stage(files, static_run, tmp_path, seed):

    def stage():
        train_static(files, *(tmp_path / name for name in STATIC_RESULTS), STATIC, PROVENANCE)

    kill_at_random_steps(stage, StaticTask, 10, 120, seed)
    same_results(static_run, tmp_path)


@pytest.mark.parametrize("seed", [0, 1])
def test_dynamic_stage_with_a_running_average(files, static_run, tmp_path, seed, monkeypatch):
    monkeypatch.setattr(networks, "FEWEST_STEPS", 40)
    monkeypatch.setattr(networks, "STEPS_PER_FRAME", 0)

    def stage(folder="killed"):
        names = ("portrait.safetensors", "curve.csv", "run.json")
        outputs = [tmp_path / folder / name for name in names]
        train_dynamic(files, static_run / "portrait.safetensors", *outputs, DYNAMIC)

    stage("whole")
    kill_at_random_steps(stage, DynamicTask, 5, 60, seed)
    same_results(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize("name", ["body", "landmarks"])
def test_a_stage_whose_input_changed_starts_over(files, tmp_path, name, caplog, monkeypatch):
    caplog.set_level("INFO")
    mine, step = tmp_path / "input.npz", StaticTask.step
    mine.write_bytes(getattr(files, name).read_bytes())

    def mortal(self, number):
        if number == 5:
            raise Killed
        return step(self, number)

    monkeypatch.setattr(StaticTask, "step", mortal)
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    for said in ("", "resuming from", "starting over"):
        caplog.clear()
        with pytest.raises(Killed):
            train_static(
                replace(files, **{name: mine}), *(tmp_path / n for n in STATIC_RESULTS), STATIC
            )
        assert said in caplog.text
        if said:
            with np.load(mine) as old:
                arrays = dict(old)
            np.savez(mine, **arrays | {"note": "not the same file"})
