"""Training stops by name at numbers that no portrait has, and keeps what was good before."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.stages import STATIC, static_words
from tests.support.subject import FRAMES, subject_files, write_features
from tests.train.test_dynamic import DYNAMIC
from unigs.model.storage import load_portrait
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset
from unigs.train import checkpoint
from unigs.train.checkpoint import Checkpoint
from unigs.train.dynamic import DynamicTask, train_dynamic
from unigs.train.loop import train
from unigs.train.static import StaticTask, train_static

CPU = torch.device("cpu")


@pytest.fixture
def every_step(monkeypatch):
    """A checkpoint after every step."""
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", -1.0)


def kept(folder) -> dict:
    """The state in last.ckpt."""
    return torch.load(folder / "last.ckpt", weights_only=True)["state"]


def finite(state: object) -> bool:
    if isinstance(state, torch.Tensor):
        return not state.is_floating_point() or bool(torch.isfinite(state).all())
    parts = state.values() if isinstance(state, dict) else state
    return not isinstance(state, dict | list | tuple) or all(map(finite, parts))


def test_a_loss_term_that_is_not_finite_stops_at_its_step(files, tmp_path, every_step):
    class Broken(StaticTask):
        def _losses(self, *arguments):
            terms = super()._losses(*arguments)
            return terms | {"d_ssim": terms["d_ssim"] * (torch.nan if self.now == 23 else 1)}

        def step(self, step):
            self.now = step
            return super().step(step)

    task = Broken(Dataset(files), STATIC, CPU)
    with pytest.raises(UserError) as stop:
        train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))
    assert str(stop.value) == (
        "the static stage stopped at step 23: the loss term d_ssim is nan: lower the learning "
        "rates (lr_means 0.0002, lr_scales 0.005, lr_quats 0.002, lr_opacities 0.03, lr_colors "
        "0.005, lr_anchor 0.02), or look at the inputs."
    )
    assert kept(tmp_path)["step"] == 23 and finite(kept(tmp_path)["task"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt"]


def test_a_parameter_that_is_not_finite_is_never_kept(files, tmp_path, every_step):
    """A Gaussian without a place is not drawn: the loss does not tell."""

    class Broken(StaticTask):
        def step(self, step):
            terms = super().step(step)
            if step == 11:
                self.portrait.gaussians.means.data[3, 1] = torch.nan
            return terms

    task = Broken(Dataset(files), STATIC, CPU)
    with pytest.raises(UserError, match=r"at step 12: gaussians\.means holds .* not finite"):
        train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))
    assert kept(tmp_path)["step"] == 11 and finite(kept(tmp_path)["task"])


def test_a_learning_rate_of_one_is_noticed(files, static_run, tmp_path):
    settings = replace(DYNAMIC, iterations=400, evaluate_every=200, lip_code=0, lr_network=1.0)
    with pytest.raises(UserError, match=r"dynamic stage stopped at step \d+: .*lr_network 1\b"):
        train_dynamic(
            files, static_run / "portrait.safetensors", tmp_path / "portrait.safetensors",
            tmp_path / "curve.csv", tmp_path / "run.json", settings,
        )  # fmt: skip
    assert not (tmp_path / "portrait.safetensors").exists()


def test_rates_of_a_strangers_static_portrait_are_checked(files, static_run):
    portrait = load_portrait(static_run / "portrait.safetensors")
    for name, value in (("lr_means", "fast"), ("lr_means", torch.nan), ("lr_meanz", 0.1)):
        portrait.meta = {"static": {"settings": {name: value}}}
        with pytest.raises(UserError, match=rf"static portrait .*{name}.*: train .* again"):
            DynamicTask(Dataset(files), portrait, replace(DYNAMIC, lip_code=0), CPU)


@pytest.mark.parametrize("iterations, noticed", [(500, 299), (160, 160)])
def test_a_loss_far_above_its_least_is_divergence(files, tmp_path, every_step, iterations, noticed):
    """From step 100 on the losses are five times as large; the last good state is kept.

    At the end of a training nobody waits for them to come down.
    """

    class Broken(StaticTask):
        def step(self, step):
            terms = super().step(step)
            return {
                name: 0.1 * (value * 0 + (5 if step >= 100 else 1)) for name, value in terms.items()
            }

    task = Broken(Dataset(files), replace(STATIC, iterations=iterations), CPU)
    sentence = f"step {noticed}: the loss is more than 4 times its least value"
    with pytest.raises(UserError, match=sentence):
        train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))
    assert kept(tmp_path)["step"] < 150


def test_a_field_without_gaussians_is_not_done(files, tmp_path, capsys):
    words = static_words(
        files, tmp_path, iterations=60, densify_from=20, densify_every=10, prune_opacity=0.95
    )
    with pytest.raises(SystemExit) as stop:
        cli.run(train_static, words)
    assert stop.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "error: the static stage stopped at step 20: 0 visible Gaussians are left" in said
    assert "prune less (prune_opacity" in said
    assert not list(tmp_path.iterdir())


def test_an_invisible_field_is_not_done(files, tmp_path):
    class Faint(StaticTask):
        def step(self, step):
            terms = super().step(step)
            self.portrait.gaussians.opacities.data[40:] = -9.0
            return terms

    task = Faint(Dataset(files), replace(STATIC, iterations=10, evaluate_every=10), CPU)
    with pytest.raises(UserError, match="40 visible Gaussians are left"):
        train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))


def test_terms_that_join_later_are_no_divergence(files, static_run, tmp_path):
    class Later(DynamicTask):
        def step(self, step):
            terms = super().step(step)
            return terms | ({"lpips": 100 * terms["l1"]} if step >= 50 else {})

    portrait = load_portrait(static_run / "portrait.safetensors")
    settings = replace(DYNAMIC, iterations=110, lip_code=0)
    task = Later(Dataset(files), portrait, settings, CPU)
    assert train(task, tmp_path / "curve.csv", Checkpoint(tmp_path, "key"))["steps"] == 110


FRAME = 17


@pytest.mark.parametrize(
    "field, name",
    [
        ("head", "pose"),
        ("torso", "body"),
        ("outline", "body"),
        ("eyes", "eyes"),
        ("speech", "speech"),
    ],
)
def test_inputs_that_are_not_finite_are_named_before_training(files, tmp_path, field, name):
    R, t = np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1, 1)), np.ones((FRAMES, 3), np.float32)
    broken = R.copy()
    broken[FRAME, 0, 1] = np.nan
    value = {
        "head": (broken, t), "torso": (broken, t), "outline": np.zeros((FRAMES, 2), np.float32),
        "eyes": np.zeros((FRAMES, 7)), "speech": np.zeros((FRAMES, 17, 8)),
    }[field]  # fmt: skip
    if not isinstance(value, tuple):
        value[FRAME, 0] = np.nan
    mine = subject_files(tmp_path / "subject")
    write_features(mine, FRAMES, **{field: value})
    changed = replace(files, **{name: getattr(mine, name)})
    outputs = [tmp_path / "out" / word for word in ("a.safetensors", "c.csv", "r.json")]
    with pytest.raises(UserError, match=rf"{getattr(mine, name).name}\b"):
        train_dynamic(changed, tmp_path / "none", *outputs, DYNAMIC)
    assert not (tmp_path / "out").exists()
