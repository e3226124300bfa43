"""Training: losses, density control, the loop, resuming."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.subjects import dynamic_task, subject
from tests.support.subject import FRAMES, write_subject
from unigs.compute import threads
from unigs.geometry.rotations import rotate
from unigs.model.deformation import Deltas
from unigs.model.gaussians import Gaussians
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.static import StaticSettings
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz, read_json, save_npz
from unigs.subject.dataset import Dataset
from unigs.subject.features import ACTION_UNITS
from unigs.subject.resident import ResidentFrames
from unigs.train import losses
from unigs.train.checkpoint import Checkpoint, key_of
from unigs.train.density import DensityControl
from unigs.train.dynamic import DynamicTask, train_dynamic
from unigs.train.gaussian_adam import GaussianAdam, gaussian_rates
from unigs.train.guides import rare_frames
from unigs.train.loop import FrameSampler, split_validation, train
from unigs.train.poses import Poses
from unigs.train.refine_poses import refine_poses
from unigs.train.static import StaticTask, train_static

STATIC = StaticSettings(
    iterations=120, points=400, max_gaussians=600, densify_from=40, densify_every=20,
    evaluate_every=60, anchor=True, lambda_alpha=0.1, device="cpu",
)  # fmt: skip
DYNAMIC = DynamicSettings(
    iterations=60, grid_levels=4, grid_finest=32, lip_code=2, evaluate_every=30, ema=0.9,
    region_mean="region", lambda_eyes=0.1, validation_share=0.1, device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_subject(tmp_path_factory.mktemp("subject with spaces"))


@pytest.fixture(scope="module")
def static_run(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("static")
    names = ("portrait.safetensors", "pose.npz", "curve.csv", "run.json")
    train_static(files, *(out / name for name in names), STATIC)
    return out


def test_l1_and_region_loss_against_hand_computed_numbers():
    truth = torch.zeros(40, 40, 3)
    image = truth.clone()
    image[:10, :10] = 0.5
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[:20, :20] = True
    assert losses.l1(image, truth).item() == pytest.approx(0.5 / 16)
    for over, share in (("frame", 16), ("region", 4)):
        terms = losses.l1_terms(image, truth, {"mouth": mask}, over)
        assert list(terms) == ["l1", "mouth"]
        assert terms["l1"].item() == pytest.approx(0.5 / 16)
        assert terms["mouth"].item() == pytest.approx(0.5 / share)


def test_motion_loss_counts_centimetres_and_only_what_is_deformed():
    deltas = Deltas(position=torch.full((4, 3), 0.01), scale=torch.full((4, 3), -0.5))
    assert losses.motion_loss(deltas).item() == pytest.approx(1.5)
    assert losses.motion_loss(Deltas()).item() == 0


def test_rotate_by_a_quarter_turn_about_z():
    quat = torch.tensor([[2**0.5, 0, 0, 2**0.5]])  # not normalised
    turned = rotate(quat, torch.tensor([[1.0, 0, 0]]))
    torch.testing.assert_close(turned, torch.tensor([[0.0, 1, 0]]))


def field_of(count: int) -> Gaussians:
    torch.manual_seed(0)
    points = torch.randn(count, 3) * 0.05
    return Gaussians.from_points(points, torch.full((count,), 0.003), torch.rand(count, 3), 1)


def test_density_control_prunes_clones_and_splits_the_right_ones():
    field = field_of(10)
    with torch.no_grad():
        field.opacities[0] = -20  # invisible
        field.log_scales[1] = np.log(0.02)  # large and hot: split
        field.log_scales[2] = np.log(0.002)  # small and hot: clone
    before = {name: p.detach().clone() for name, p in field.present().items()}
    adam = GaussianAdam(field, gaussian_rates(STATIC))
    sum(p.square().sum() for p in field.parameters()).backward()
    adam.step()
    density = DensityControl(field, adam, STATIC, 100)
    density.seen += 1
    density.gradient[1] = density.gradient[2] = 1.0
    density.densify()
    assert len(field) == 10 - 1 - 1 + 1 + 2
    assert len(adam.adam.state[field.means]["exp_avg"]) == len(field)
    # Adam moved everything by about its learning rate; the clone sits on its original.
    assert (field.means - before["means"][2]).norm(dim=1).lt(0.001).sum() == 2
    parts = field.log_scales[:, 0] > np.log(0.01)
    assert parts.sum() == 2
    assert (field.means[parts] - before["means"][1]).norm(dim=1).max() < 0.1
    (field.means.sum() + field.harmonics.sum()).backward()
    adam.step()


def test_density_control_respects_the_cap():
    field = field_of(50)
    settings = replace(STATIC, max_gaussians=55)
    density = DensityControl(field, GaussianAdam(field, gaussian_rates(settings)), settings, 100)
    density.seen += 1
    density.gradient += torch.linspace(1, 2, 50)
    density.densify()
    assert 51 <= len(field) <= 55


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


def test_static_stage_learns_the_subject(static_run):
    curve = pd.read_csv(static_run / "curve.csv")
    assert curve["psnr_train"].iloc[-1] > 24
    assert curve["loss"].is_monotonic_decreasing
    record = read_json(static_run / "run.json")
    assert record["settings"]["iterations"] == 120 and record["backends"]["pose"] == "test"
    assert not (static_run / "last.ckpt").exists()
    portrait = load_portrait(static_run / "portrait.safetensors")
    weights = portrait.gaussians.anchors.sigmoid()
    height = portrait.gaussians.means[:, 1]
    # What rests in the camera is low: the anchor must have found the torso.
    assert weights[height > 0.12].mean() > weights[height < 0.03].mean() + 0.3


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


def test_steps_are_the_same_to_the_bit_with_any_number_of_threads():
    """Of `unigs_plus`, with enough Gaussians and pixels for every kernel to share them out."""
    before, states = threads.get_threads(), []
    try:
        for count in (1, 2):
            threads.set_threads(count)
            torch.manual_seed(0)
            task = dynamic_task(subject(64), 5000)
            for step in range(3):
                task.step(step)
            states.append(task.portrait.state_dict())
    finally:
        threads.set_threads(before)
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


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


def test_files_of_different_lengths_are_refused_with_both_numbers(files, tmp_path):
    short = replace(files, pose=tmp_path / "pose.npz")
    pose = dict(np.load(files.pose))
    save_npz(short.pose, **{**pose, "R": pose["R"][:-1], "t": pose["t"][:-1]})
    with pytest.raises(UserError, match=f"{FRAMES - 1} rows.*{FRAMES}"):
        Dataset(short)


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
    with pytest.raises(UserError, match="alexnet"):
        train_dynamic(
            files, static_run / "portrait.safetensors", tmp_path / "p.safetensors",
            tmp_path / "c.csv", tmp_path / "r.json", replace(DYNAMIC, lambda_lpips=0.2),
        )  # fmt: skip


def test_refined_poses_come_nearer_to_the_truth(files, static_run):
    """Poses that drift by some millimetres are pulled back by the field, inside the head."""
    dataset = Dataset(files)
    portrait = load_portrait(static_run / "portrait.safetensors")
    poses = Poses(dataset.performance, torch.device("cpu"))
    truth = poses.t.clone()
    phase = torch.arange(FRAMES)[:, None] * torch.tensor([0.31, 0.23, 0.0])
    poses.t = truth + 0.004 * torch.sin(phase)
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 0.03

    def seen(R: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Where points of the head appear in each frame, pixels [T,50,2]."""
        camera = points @ R.transpose(1, 2) + t[:, None]
        return camera[..., :2] / camera[..., 2:] * dataset.poses.focal

    expected = seen(poses.R, truth)
    before = (seen(poses.R, poses.t) - expected).norm(dim=-1).mean()
    refine_poses(portrait, dataset, poses)
    after = (seen(poses.R, poses.t) - expected).norm(dim=-1).mean()
    assert after < 0.6 * before
    assert len(load_npz(static_run / "pose.npz", "R", "t", "focal")["R"]) == FRAMES


def test_few_blinks_are_drawn_as_often_as_open_mouths(files):
    dataset = Dataset(files)
    eyes = np.zeros_like(dataset.performance.eyes)
    dataset.performance = replace(dataset.performance, eyes=eyes)
    closed = dataset.train[[5, 60]]
    eyes[closed, ACTION_UNITS.index("AU45")] = 5.0
    drawn = rare_frames(dataset, dataset.train)
    blinks = sum(frame in closed for frame in drawn)
    assert set(closed) <= set(drawn) and len(set(drawn)) < len(dataset.train) / 4
    assert blinks >= 0.4 * len(drawn)


def frozen_adam(task) -> dict[str, torch.Tensor]:
    """Let `task` keep the gradients of its next step instead of using them; they come here."""
    found = {}

    def keep() -> None:
        found.update({k: p.grad.clone() for k, p in task.portrait.gaussians.present().items()})
        task.portrait.zero_grad()

    task.adam.step = keep
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
        torch.testing.assert_close(both.density.gradient, single.density.gradient)
        assert torch.equal(both.density.seen, single.density.seen)


def test_frames_on_the_device_are_those_of_the_store(files):
    dataset = Dataset(files)
    cpu = torch.device("cpu")
    for store in (dataset.frames, dataset.labels):
        kept, fetched = (ResidentFrames(store, cpu, keep) for keep in (True, False))
        for frame in (0, 64, FRAMES - 1):
            assert kept[frame].dtype == torch.uint8
            assert torch.equal(kept[frame], torch.from_numpy(np.array(store[frame])))
            assert torch.equal(kept[frame], fetched[frame])
