"""Resuming."""

from dataclasses import replace

import torch

from tests.support.stages import STATIC
from unigs.subject.dataset import Dataset
from unigs.train.checkpoint import Checkpoint, key_of
from unigs.train.loop import train
from unigs.train.static import StaticTask


def test_resumed_training_equals_an_unbroken_one(files, tmp_path):
    settings = replace(STATIC, iterations=60, evaluate_every=20)
    dataset = Dataset(files)

    def task():
        torch.manual_seed(0)
        return StaticTask(dataset, settings, torch.device("cpu"))

    whole = task()
    train(whole, tmp_path / "a.csv", Checkpoint(tmp_path, "other"))
    broken = task()
    for step in range(35):
        broken.step(step)
    checkpoint = Checkpoint(tmp_path / "b", "key")
    best = {"weights": None, "value": -1.0, "step": 0}
    state = {"task": broken.state(), "best": best, "step": 35, "rows": [], "elapsed": 1.0}
    checkpoint.save(state)
    resumed = task()
    train(resumed, tmp_path / "b.csv", checkpoint)
    for (name, a), b in zip(
        whole.portrait.state_dict().items(), resumed.portrait.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(a, b, msg=name)


def test_checkpoint_of_other_settings_is_not_resumed(files, tmp_path):
    key = key_of(STATIC, [files.frame_table])
    Checkpoint(tmp_path, key).save({"step": 3})
    assert Checkpoint(tmp_path, key).load() == {"step": 3}
    other = key_of(replace(STATIC, lambda_alpha=0.2), [files.frame_table])
    assert Checkpoint(tmp_path, other).load() is None
    (tmp_path / "last.ckpt").write_bytes(b"damaged")
    assert Checkpoint(tmp_path, key).load() is None


def test_checkpoint_of_older_code_is_not_resumed(files, tmp_path, monkeypatch):
    Checkpoint(tmp_path, key_of(STATIC, [files.frame_table])).save({"step": 3})
    monkeypatch.setattr("unigs.train.checkpoint.LAYOUT", 1)
    assert Checkpoint(tmp_path, key_of(STATIC, [files.frame_table])).load() is None
