"""An interrupted training saves its last whole step, and goes on as if nothing had been."""

import os
import signal
from dataclasses import replace

import pytest
import torch

from tests.support.stages import STATIC, STATIC_RESULTS, static_words
from tests.train.test_resume import same_results
from unigs.stage import cli
from unigs.stage.interrupts import Interrupted
from unigs.train.checkpoint import Checkpoint
from unigs.train.refine_poses import HeadFit
from unigs.train.refine_torso import TorsoFit
from unigs.train.static import StaticTask, train_static

SETTINGS = replace(
    STATIC, iterations=60, evaluate_every=20, follow_body=True,
    refine_poses_at=0.5, refine_torso=True,
)  # fmt: skip


def training(files, out):
    """Train with results in a folder."""
    results = (out / name for name in STATIC_RESULTS)
    train_static(files, *results, SETTINGS, motion=out / "motion.npz")


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory):
    """Results of a training that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    training(files, out)
    return out


def signals(function, number, at):
    """A method that sends its process a signal in its call number `at`, and then goes on."""
    calls = []

    def wrapped(*arguments):
        calls.append(None)
        if len(calls) - 1 == at:
            os.kill(os.getpid(), number)
        return function(*arguments)

    return wrapped


@pytest.mark.parametrize(
    "owner, method, at, number, step",
    [
        (StaticTask, "step", 0, signal.SIGINT, 1),
        (StaticTask, "step", 37, signal.SIGTERM, 38),
        (StaticTask, "view", 3, signal.SIGINT, 20),  # while a row of the curve is made
        (TorsoFit, "compared", 3, signal.SIGTERM, 31),  # between two steps
        (HeadFit, "compared", 3, signal.SIGINT, 31),  # there, with the torso refined
        (StaticTask, "step", 45, signal.SIGTERM, 46),  # with refined poses
        (StaticTask, "step", 59, signal.SIGTERM, 60),  # the last
    ],
)
def test_it_resumes_at_the_step(
    files, whole, tmp_path, monkeypatch, caplog, owner, method, at, number, step
):
    caplog.set_level("INFO")
    with monkeypatch.context() as patch:
        patch.setattr(owner, method, signals(vars(owner)[method], number, at))
        with pytest.raises(Interrupted) as stop:
            training(files, tmp_path)
    assert stop.value.code == 128 + number
    assert str(stop.value) == (
        f"interrupted: run the same command again: it resumes at step {step}"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    training(files, tmp_path)
    assert f"resuming from {tmp_path / 'last.ckpt'} at step {step}" in caplog.text
    same_results(whole, tmp_path)


def test_a_second_signal_leaves_the_checkpoint_as_it_was(files, tmp_path, monkeypatch):
    """It comes in the middle of a step: what is half done is not saved."""

    def twice(self, step):
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)
            self.portrait.gaussians.means.data.zero_()
            os.kill(os.getpid(), signal.SIGINT)
        return whole_step(self, step)

    whole_step = StaticTask.step
    monkeypatch.setattr(StaticTask, "step", twice)
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    with pytest.raises(Interrupted) as stop:
        training(files, tmp_path)
    assert str(stop.value) == "interrupted: run the same command again"
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)["state"]
    assert state["step"] == 5 and state["task"]["portrait"]["gaussians.means"].abs().sum() > 0


def test_a_full_disk_is_not_promised_away(files, tmp_path, monkeypatch, request):
    monkeypatch.setattr(StaticTask, "step", signals(StaticTask.step, signal.SIGTERM, 5))
    request.getfixturevalue("full_disk")
    with pytest.raises(Interrupted, match="it resumes at the last checkpoint, if there is one"):
        training(files, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_says_how_to_go_on(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(StaticTask, "step", signals(StaticTask.step, signal.SIGTERM, 9))
    with pytest.raises(SystemExit) as stop:
        cli.run(train_static, static_words(files, tmp_path))
    assert stop.value.code == 143
    assert capsys.readouterr().err.splitlines()[-1] == (
        "interrupted: run the same command again: it resumes at step 10"
    )
