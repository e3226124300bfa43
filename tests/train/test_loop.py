"""The training loop: samples, validation, the best state."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support.stages import STATIC
from unigs.subject.dataset import Dataset
from unigs.train.average import RunningAverage
from unigs.train.checkpoint import Checkpoint
from unigs.train.loop import train
from unigs.train.sampling import FrameSampler, split_validation
from unigs.train.static import StaticTask


def test_validation_is_one_block_out_of_the_training_frames():
    train_part, held = split_validation(np.arange(100, 200), 0.1)
    assert len(held) == 10 and (np.diff(held) == 1).all()
    assert sorted([*train_part, *held]) == list(range(100, 200))
    assert len(split_validation(np.arange(20), 0.0)[1]) == 0


def test_the_best_static_field_may_be_smaller_than_the_last(files, tmp_path):
    """Best at the first evaluation, before density control has added a tenth of the field."""

    class Worse(StaticTask):
        def view(self, frame):
            rendering = super().view(frame)
            if frame in self.validation and len(self.portrait.gaussians) > first:
                rendering.image = rendering.image * 0
            return rendering

    settings = replace(STATIC, iterations=40, evaluate_every=10, validation_share=0.1,
                       densify_from=11, densify_every=5)  # fmt: skip
    torch.manual_seed(0)
    task = Worse(Dataset(files), settings, torch.device("cpu"))
    first = len(task.portrait.gaussians)
    summary = train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))
    counts = pd.read_csv(tmp_path / "curve.csv")["gaussians"]
    assert counts.iloc[-1] > first and summary["best_step"] == 10
    assert len(task.portrait.gaussians) == first


def test_a_field_of_poses_that_are_no_more_is_not_the_best(files, tmp_path):
    """Best before the poses are refined, by far: the file of poses has the refined ones."""

    class Refining(StaticTask):
        refined_already = False

        def between(self, step):
            self.refined_already |= step == 19
            return step == 19

        def view(self, frame):
            rendering = super().view(frame)
            if frame in self.validation and self.refined_already:
                rendering.image = rendering.image * 0
            return rendering

    settings = replace(STATIC, iterations=40, evaluate_every=10, validation_share=0.1)
    task = Refining(Dataset(files), settings, torch.device("cpu"))
    summary = train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))
    assert summary["best_step"] >= 20


def test_sampler_shows_every_frame_once_a_round_and_resumes():
    sampler = FrameSampler(np.arange(7), seed=3)
    first = [sampler.next() for _ in range(7)]
    assert sorted(first) == list(range(7))
    sampler.next()
    state = sampler.state()
    expected = [sampler.next() for _ in range(12)]
    other = FrameSampler(np.arange(7), seed=99)
    other.load_state(state)
    assert [other.next() for _ in range(12)] == expected


@pytest.mark.parametrize("decay", [0.3, 0.99])
def test_the_running_average_follows_its_recursion(decay):
    """a <- d a + (1 - d) x with d = min(decay, (1 + n) / (10 + n)), from the first weights on."""
    module = torch.nn.Linear(3, 2)
    average, expected = RunningAverage(module, decay), {}
    for name, value in module.named_parameters():
        expected[name] = value.detach().double()
    for n in range(1, 21):
        with torch.no_grad():
            for value in module.parameters():
                value.normal_()
        average.update()
        d = min(decay, (1 + n) / (10 + n))
        for name, value in module.named_parameters():
            expected[name] = d * expected[name] + (1 - d) * value.detach().double()
    for name, value in average.state_dict().items():
        torch.testing.assert_close(value.double(), expected[name], atol=1e-5, rtol=1e-5)
