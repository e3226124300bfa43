"""The dynamic stage."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from scipy.spatial.transform import Rotation

from benchmarks.subjects import dynamic_task, static_portrait, subject
from benchmarks.subjects import settings as product
from tests.support.stages import STATIC
from unigs.compute import threads
from unigs.face.mesh import LIPS
from unigs.lips import networks
from unigs.losses.lpips import WIDTHS, AlexNetTrunk
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.static import StaticSettings
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory
from unigs.train.checkpoint import Checkpoint
from unigs.train.dynamic import DynamicTask, train_dynamic
from unigs.train.loop import train
from unigs.train.static import StaticTask

DYNAMIC = DynamicSettings(
    iterations=60, grid_levels=4, grid_finest=32, lip_code=2, evaluate_every=30, ema=0.9,
    region_mean="region", lambda_eyes=0.1, validation_share=0.1, device="cpu",
)  # fmt: skip


def test_dynamic_stage_improves_on_the_static_one(files, static_run, tmp_path):
    train_dynamic(
        files, static_run / "portrait.safetensors", tmp_path / "portrait.safetensors",
        tmp_path / "curve.csv", tmp_path / "run.json", DYNAMIC,
    )  # fmt: skip
    curve = pd.read_csv(tmp_path / "curve.csv")
    static = pd.read_csv(static_run / "curve.csv")
    assert curve["psnr_train"].iloc[-1] > static["psnr_train"].iloc[-1]
    dataset = Dataset(files)
    portrait = load_portrait(tmp_path / "portrait.safetensors")
    k = int(dataset.test[0])
    image = Playback(portrait).frame(dataset.performance, k)
    assert image.shape == (64, 64, 3)


@pytest.mark.usefixtures("restored_threads")
def test_steps_are_the_same_to_the_bit_with_any_number_of_threads():
    """Of `unigs_plus`, with enough Gaussians and pixels for every kernel to share them out."""
    states = []
    for count in (1, 2):
        threads.set_threads(count)
        torch.manual_seed(0)
        task = dynamic_task(subject(64), 5000)
        for step in range(3):
            task.step(step)
        states.append(task.portrait.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_gaussians_in_reach_of_the_face_plane_come_first_and_none_is_lost():
    dataset = subject(64)
    torch.manual_seed(0)
    before = static_portrait(dataset, 800).gaussians.present()
    after = dynamic_task(dataset, 800).portrait
    reach = after.motion.planes[1].reach(after.gaussians.means.detach()) > 0
    assert reach[: reach.sum()].all() and 0 < reach.sum() < 800

    def rows(field):
        together = torch.cat([x.detach().reshape(800, -1) for x in field.values()], 1)
        return together[together[:, 0].argsort()]

    assert torch.equal(rows(after.gaussians.present()), rows(before))


def test_a_width_that_the_kernels_cannot_take_is_refused_before_training(
    files, static_run, tmp_path
):
    with pytest.raises(UserError, match="hidden is 60: choose a multiple of 8"):
        train_dynamic(
            files, static_run / "portrait.safetensors", tmp_path / "portrait.safetensors",
            tmp_path / "c.csv", tmp_path / "r.json", replace(DYNAMIC, hidden=60),
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_lpips_without_weights_says_where_to_get_them(files, static_run, tmp_path):
    none = replace(DYNAMIC, lambda_lpips=0.2, lpips_model="")
    for settings in (none, replace(none, lpips_model="none.safetensors")):
        with pytest.raises(UserError, match="unigs models fetch lpips-alex"):
            train_dynamic(
                files, static_run / "portrait.safetensors", tmp_path / "p.safetensors",
                tmp_path / "c.csv", tmp_path / "r.json", settings,
            )  # fmt: skip


def test_lpips_joins_the_loss_at_the_end_and_is_recorded(
    files, static_run, tmp_path, monkeypatch, caplog
):
    """Where its weights are in the folder of models; else training goes without it and says so."""
    monkeypatch.setattr(networks, "FEWEST_STEPS", 40)
    monkeypatch.setattr(networks, "STEPS_PER_FRAME", 0)

    def trained(name: str) -> tuple[dict, pd.DataFrame]:
        settings = replace(
            DYNAMIC, iterations=10, evaluate_every=1, lambda_lpips=0.2, lpips_from=0.9
        )
        with caplog.at_level("INFO", logger="unigs"):
            train_dynamic(
                files, static_run / "portrait.safetensors", tmp_path / f"{name}.safetensors",
                tmp_path / f"{name}.csv", tmp_path / f"{name}.json", settings,
            )  # fmt: skip
        record = json.loads((tmp_path / f"{name}.json").read_text())
        return record, pd.read_csv(tmp_path / f"{name}.csv")

    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path / "models"))
    record, curve = trained("without")
    assert record["settings"]["lambda_lpips"] == 0 and "loss" not in record["backends"]
    assert not [column for column in curve if "lpips" in column]
    assert "is not there, so LPIPS is not measured, and the loss" in caplog.text
    (tmp_path / "models").mkdir()
    path = tmp_path / "models/lpips-alex.safetensors"
    torch.manual_seed(0)
    heads = {f"lin{k}.model.1.weight": torch.rand(1, c, 1, 1) for k, c in enumerate(WIDTHS)}
    save_file(AlexNetTrunk().state_dict() | heads, path)
    record, curve = trained("with")
    assert record["settings"]["lpips_model"] == str(path)
    assert record["backends"]["loss"].startswith("LPIPS 0.1, AlexNet (lpips-alex, sha256 ")
    (column,) = [column for column in curve if "lpips" in column]
    assert not curve[column].iloc[:-2].fillna(0).any() and curve[column].iloc[-1] > 0


def frozen_adam(task) -> dict[str, torch.Tensor]:
    """Let `task` keep the gradients of its next step instead of using them; they come here."""
    found = {}

    def keep() -> None:
        found.update({k: p.grad.clone() for k, p in task.portrait.gaussians.present().items()})
        task.portrait.zero_grad()

    task.adams[0].step = keep
    return found


@pytest.mark.parametrize("stage", ["static", "dynamic"])
def test_a_batch_has_the_mean_gradient_of_its_frames(files, static_run, stage):
    dataset = Dataset(files)

    def task(batch: int):
        torch.manual_seed(0)
        if stage == "static":
            return StaticTask(dataset, replace(STATIC, batch=batch), torch.device("cpu"))
        portrait = load_portrait(static_run / "portrait.safetensors")
        settings = replace(DYNAMIC, batch=batch, lip_code=0, ema=0.0)
        made = DynamicTask(dataset, portrait, settings, torch.device("cpu"))
        made.adamw.step = lambda: None
        torch.nn.init.normal_(portrait.motion.deformation.output.weight, std=0.1)
        return made

    both, single = task(2), task(1)
    together, alone = frozen_adam(both), frozen_adam(single)
    both.step(0)
    single.step(0)
    first = dict(alone)
    single.step(0)
    for name, gradient in together.items():
        torch.testing.assert_close(gradient, (first[name] + alone[name]) / 2, msg=name)
    if stage == "static":
        torch.testing.assert_close(both.densities[0].gradient, single.densities[0].gradient)
        assert torch.equal(both.densities[0].seen, single.densities[0].seen)


def test_a_tri_plane_that_narrows_is_refused_before_training(files, static_run, tmp_path):
    with pytest.raises(UserError, match="settings of the deformation do not fit .*base <= finest"):
        train_dynamic(
            files, static_run / "portrait.safetensors", tmp_path / "portrait.safetensors",
            tmp_path / "c.csv", tmp_path / "r.json", replace(DYNAMIC, grid_base=64, grid_finest=32),
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share, over", [(1.0, 1.0), (0.0, 0.0)])
def test_patches_of_lpips_lie_over_the_mouth_as_often_as_asked(share, over, monkeypatch):
    """The middle that the loss is given is that of the lips of the frame that is drawn."""
    task = dynamic_task(subject(64), 500)
    task.loss.settings = replace(task.settings, lpips_mouth=share, lpips_from=0.0)
    centers = []

    def distance(image, truth, center=None):
        centers.append(center)
        return (image - truth).abs().mean()

    task.loss.perceptual = distance
    frames = []
    draw = task.sampler.next
    monkeypatch.setattr(task.sampler, "next", lambda: frames.append(draw()) or frames[-1])
    for step in range(4):
        task.step(step)
    assert np.mean([center is not None for center in centers]) == over
    for frame, center in zip(frames, centers, strict=True):
        lips = task.dataset.landmarks.points[frame, list(LIPS), :2]
        assert center is None or (np.abs(center - lips.mean(0)) < 1e-3).all()


def test_what_training_sees_of_a_frame_is_what_playback_shows_of_it():
    """A field that speech, eyes, head and torso move by centimeters, drawn along both ways."""
    task = dynamic_task(subject(64), 300)
    portrait, motion = task.portrait, task.portrait.motion
    torch.manual_seed(2)
    torch.nn.init.normal_(motion.deformation.output.weight, std=0.3)
    for plane in motion.planes:
        torch.nn.init.normal_(plane.tables, std=0.3)
    shown = Playback(portrait)
    for frame in (20, 31):
        with torch.no_grad():
            (stepped,) = portrait.render([task.posed(frame)])
            seen = [x.image.clamp(0, 1).numpy() for x in (stepped, task.view(frame))]
        played = [shown.frame(task.dataset.performance, frame + k) / 255.0 for k in (0, 1)]
        assert np.abs(seen[0] - seen[1]).max() < 1e-5
        assert np.quantile(np.abs(seen[0] - played[0]), 0.999) < 0.6 / 255
        assert np.quantile(np.abs(seen[0] - played[1]), 0.9) > 5 / 255


def spoil_test_frames(dataset: Dataset) -> None:
    """Put nonsense in all that a data set knows of its test frames."""
    rng, test, seen = np.random.default_rng(9), dataset.test, dataset.performance

    def nonsense(rows):
        rows = rows.copy()
        rows[test] = rng.normal(0, 3, rows[test].shape)
        return rows

    # The person everywhere, so that a start point may lie anywhere.
    for store, values in ((dataset.frames, (0, 256)), (dataset.labels, (1, 5))):
        store.frames[test] = rng.integers(*values, store.frames[test].shape, np.uint8)
    R = seen.head.R.copy()
    R[test] = Rotation.random(len(test), random_state=9).as_matrix()
    dataset.performance = Performance(
        RigidTrajectory(R, nonsense(seen.head.t)),
        AffineTrajectory(nonsense(seen.torso.R), nonsense(seen.torso.t)),
        *map(nonsense, (seen.outline, seen.eyes, seen.speech)),
    )
    points = nonsense(dataset.landmarks.points)
    dataset.landmarks = replace(dataset.landmarks, points=points)


def test_nothing_of_a_test_frame_is_learned():
    """Both stages learn the same to the bit where the test frames, here a third, are nonsense."""
    static, dynamic = product()
    static = replace(static, points=400, refine_poses_at=0.0, densify_from=2, densify_every=2)
    dynamic = replace(dynamic, blink_sampling=0.5, lip_teacher=0.5)
    states = []
    for change in (None, spoil_test_frames):
        dataset = Dataset(subject(64).files)
        dataset.train, dataset.test = np.split(np.arange(len(dataset)), [100])
        if change:
            change(dataset)
        torch.manual_seed(0)
        tasks = [StaticTask(dataset, static, torch.device("cpu"))]
        for step in range(4):
            tasks[0].step(step)
        states.append({k: v.clone() for k, v in tasks[0].portrait.state_dict().items()})
        how = torch.device("cpu"), None, 3
        tasks.append(DynamicTask(dataset, tasks[0].portrait, dynamic, *how))
        for step in range(4):
            tasks[1].step(step)
        states[-1] |= {f"moving {k}": v for k, v in tasks[1].result().items()}
        drawn = [y for x in tasks for y in (x.frames, x.validation, x.sampler.frames)]
        drawn = np.concatenate([*drawn, tasks[1].sampler.rare])
        assert len(tasks[1].sampler.rare) and not np.isin(drawn, dataset.test).any()
    assert len(states[0]["gaussians.means"]) != 600, "density control was at work"
    assert states[0].keys() == states[1].keys()
    different = [k for k, v in states[0].items() if not torch.equal(v, states[1][k])]
    assert not different


def test_looking_at_a_training_leaves_it_as_it_is(tmp_path):
    """Rows of the curve show the running average, and the steps go on without it."""
    states = []
    for every in (2, 6):
        torch.manual_seed(0)
        chosen = replace(product()[1], iterations=6, evaluate_every=every, ema=0.9)
        portrait = static_portrait(subject(64), 300)
        task = DynamicTask(subject(64), portrait, chosen, torch.device("cpu"), lip_steps=3)
        train(task, tmp_path / f"{every}.csv", Checkpoint(tmp_path / f"{every}", "key"))
        assert len(pd.read_csv(tmp_path / f"{every}.csv")) == 6 // every
        states.append(task.portrait.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_every_part_of_a_portrait_learns_but_the_lips_that_were_learned_before():
    task = dynamic_task(subject(64), 300)
    # So that a delta exists for the planes, and shapes, to have a part in.
    torch.nn.init.normal_(task.portrait.motion.deformation.output.weight, std=0.05)
    before = {name: value.clone() for name, value in task.portrait.named_parameters()}
    for step in range(3):
        task.step(step)
    after = dict(task.portrait.named_parameters())
    resting = {name for name, value in before.items() if torch.equal(value, after[name])}
    # The softmax over the window takes this one out again: its gradient is rounding, or zero.
    resting -= {"motion.speech_net.audio.attention.bias"}
    assert resting == {name for name in before if ".lip_net." in name} != set()
    parts = ("gaussians.", "motion.planes.0", "motion.planes.1", "motion.speech_net.audio.")
    parts += ("motion.deformation.face_shapes.", "motion.deformation.pose_shapes.")
    assert all(any(name.startswith(part) for name in before) for part in parts)


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_learning_rates_fall_to_the_shares_that_are_documented(progress):
    """Networks and planes to a tenth, Gaussians to a fifth; their means learn at a tenth of it."""
    task = dynamic_task(subject(64), 300)
    s = task.settings
    task.step(int(progress * s.iterations))
    rates = [group["lr"] for group in task.adamw.param_groups]
    assert rates == pytest.approx([x * 0.1**progress for x in (s.lr_grid, s.lr_network)])
    factor, static = s.gaussian_lr * 0.2**progress, StaticSettings()
    found = {group["name"]: group["lr"] for group in task.adams[0].adam.param_groups}
    expected = {
        "means": 0.1 * factor * static.lr_means,
        "log_scales": factor * static.lr_scales,
        "quats": factor * static.lr_quats,
        "opacities": factor * static.lr_opacities,
        "colors": factor * static.lr_colors,
        "harmonics": factor * static.lr_colors / 20,
        "anchors": factor * static.lr_anchor,
    }
    assert found == pytest.approx(expected)
