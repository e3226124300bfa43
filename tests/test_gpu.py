"""Training and playing on a GPU: what one device makes, the other plays; skipped without one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import gpu
from benchmarks.scenes import portrait as scene
from tests.support.portraits import moving_portrait, one_frame, psnr
from tests.support.subject import write_subject
from unigs.losses.ssim import ssim
from unigs.model.kernels.encoding import encode
from unigs.model.kernels.encoding_tcnn import encode_tcnn
from unigs.model.kernels.encoding_torch import encode_torch
from unigs.model.kernels.levels import levels
from unigs.model.storage import load_portrait
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.playback.torch_player import GPU_PRECISION, TorchPlayer
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset
from unigs.train.checkpoint import Checkpoint
from unigs.train.dynamic import DynamicTask, train_dynamic
from unigs.train.static import StaticTask, train_static

STATIC = StaticSettings(
    iterations=100, points=400, max_gaussians=600, densify_from=40, densify_every=20,
    evaluate_every=50, anchor=True, lambda_alpha=0.1, lambda_anchor=0.1, refine_poses_at=0.5,
    follow_body=True, refine_torso=True,
)  # fmt: skip
DYNAMIC = DynamicSettings(
    iterations=40, batch=2, grid_levels=4, grid_finest=32, face_grid_levels=2, lip_code=2,
    blendshapes=True, evaluate_every=20, ema=0.9, region_mean="region", lambda_eyes=0.1,
    lambda_alpha=0.1, condition_noise=0.1, blink_sampling=0.2, validation_share=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_subject(tmp_path_factory.mktemp("subject"))


def played(path, files, device: str) -> np.ndarray:
    """Test frames [n,H,W,3] in [0,1] of a stored portrait."""
    data, portrait = Dataset(files), load_portrait(path, device)
    return np.stack(list(Playback(portrait).clip(data.performance[data.test]))) / 255


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_a_portrait_of_one_device_plays_on_the_other(files, tmp_path, device):
    static, dynamic = (replace(settings, device=device) for settings in (STATIC, DYNAMIC))
    out = [tmp_path / name for name in ("s.safetensors", "pose.npz", "s.csv", "s.json")]
    train_static(files, *out, static, motion=tmp_path / "motion.npz")
    path = tmp_path / "d.safetensors"
    train_dynamic(files, out[0], path, tmp_path / "d.csv", tmp_path / "d.json", dynamic)
    assert pd.read_csv(tmp_path / "d.csv")["psnr_train"].iloc[-1] > 22
    assert psnr(played(path, files, "cpu"), played(path, files, "cuda")) > 45


@pytest.mark.gpu
@pytest.mark.parametrize("stage", ["static", "dynamic"])
def test_a_killed_training_goes_on_on_the_gpu(files, tmp_path, stage):
    device = torch.device("cuda")

    def task():
        torch.manual_seed(0)
        first = StaticTask(Dataset(files), STATIC, device)
        if stage == "static":
            return first
        return DynamicTask(first.dataset, first.portrait, DYNAMIC, device)

    broken = task()
    for step in range(45):
        broken.step(step)
    Checkpoint(tmp_path, "key").save({"task": broken.state(), "step": 45})
    wanted = torch.randn(3, device=device)
    resumed = task()
    resumed.load_state(Checkpoint(tmp_path, "key").load()["task"])
    assert torch.equal(torch.randn(3, device=device), wanted)
    for a, b in zip(
        broken.portrait.state_dict().values(), resumed.portrait.state_dict().values(), strict=True
    ):
        assert b.is_cuda and torch.equal(a, b)
    resumed.step(45)
    assert all(torch.isfinite(x).all() for x in resumed.portrait.parameters())


@pytest.mark.gpu
def test_frames_stay_on_the_gpu_up_to_the_limit(files, monkeypatch):
    dataset = Dataset(files)
    frames = {}
    for limit in (8.0, 0.0):
        monkeypatch.setattr("unigs.subject.dataset.RESIDENT_GB", limit)
        dataset.to("cuda")
        assert (dataset._images.kept is None) == (limit == 0)
        frames[limit] = dataset.image(3), dataset.regions(3), dataset.person(3)
    for kept, fetched in zip(*frames.values(), strict=True):
        assert kept.is_cuda and fetched.is_cuda and torch.equal(kept, fetched)


@pytest.mark.gpu
def test_half_precision_does_not_show_on_the_gpu():
    made = moving_portrait().cuda()
    (cue,) = cues(made, one_frame())
    exact, half = (
        TorchPlayer(made, precision).play(cue) / 255 for precision in (torch.float32, GPU_PRECISION)
    )
    assert psnr(exact, half) > 55


@pytest.mark.gpu
def test_planes_and_ssim_are_those_of_the_cpu():
    generator = torch.Generator().manual_seed(0)
    table = levels(12, 16, 64, 17)
    points = torch.rand(500, 3, generator=generator)
    tables = torch.randn(3, table.entries, 2, generator=generator)
    pictures = torch.rand(2, 3, 60, 70, generator=generator)
    found = {}
    for device in ("cpu", "cuda"):
        inputs = [x.to(device, copy=True) for x in (points, tables, pictures[0])]
        leaves = [x.requires_grad_() for x in inputs]
        encoded = encode(leaves[0], leaves[1], table)
        similar = ssim(leaves[2], pictures[1].to(device))
        (encoded.square().sum() + similar).backward()
        found[device] = [x.cpu() for x in (encoded, similar, *(leaf.grad for leaf in leaves))]
    for a, b in zip(*found.values(), strict=True):
        assert (a - b).norm() < 1e-4 * a.norm()


@pytest.mark.gpu
def test_planes_by_tiny_cuda_nn_are_those_of_torch():
    pytest.importorskip("tinycudann", reason="needs tiny-cuda-nn", exc_type=(ImportError, OSError))
    table = levels(12, 16, 64, 17)
    points, tables = torch.rand(500, 3).cuda(), torch.randn(3, table.entries, 2).cuda()
    results = []
    for function in (encode_tcnn, encode_torch):
        leaf = tables.clone().requires_grad_()
        encoded = function(points, leaf, table)
        encoded.square().sum().backward()
        results.append((encoded.detach(), leaf.grad))
    for one, other in zip(*results, strict=True):
        assert (one - other).norm() < 1e-4 * other.norm()


@pytest.mark.gpu
def test_the_benchmarks_parity_holds():
    assert gpu.in_parity(gpu.parity(scene(3000, 160), torch.device("cuda")))


def test_the_benchmark_without_a_gpu_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as exit_:
        gpu.main([])
    assert exit_.value.code == 2
    assert capsys.readouterr().err.count("CUDA") == 1


def test_time_to_a_psnr_is_the_first_that_reaches_it():
    curve = pd.DataFrame({"psnr_train": [20.0, 31.0, 33.0, 32.0], "seconds": [1.0, 2, 3, 4]})
    assert gpu.seconds_to(curve, 32) == 3
    assert gpu.seconds_to(curve, 40) is None


def test_the_parity_check_sees_a_difference():
    same = gpu.parity(scene(300, 64), torch.device("cpu"))
    assert same["largest"] == 0 and gpu.in_parity(same)
    assert not gpu.in_parity({**same, "worst_gradient": 0.01})
    assert not gpu.in_parity({**same, "psnr_db": 79.0})


@pytest.fixture
def second_device(monkeypatch):
    """Let the second of two renderings pass through a function."""

    def change(how) -> None:
        rasterize, calls = gpu.rasterize, []

        def changed(*scene):
            image, *rest = rasterize(*scene)
            calls.append(image)
            return image if len(calls) == 1 else how(image), *rest

        monkeypatch.setattr(gpu, "rasterize", changed)

    return change


def test_the_parity_check_sees_another_picture(second_device):
    """One level of 255 brighter in a quarter of it."""
    brighter = torch.zeros(64, 64, 3)
    brighter[:32, :32] = 1 / 255
    second_device(lambda image: image + brighter)
    other = gpu.parity(scene(300, 64), torch.device("cpu"))
    assert not gpu.in_parity(other) and other["agreeing_pixels"] == 0.75
    assert other["largest"] == pytest.approx(1 / 255, rel=1e-3)
    assert other["psnr_db"] == pytest.approx(20 * np.log10(255) + 10 * np.log10(4), abs=0.01)
    assert other["worst_gradient"] == 0


def test_the_parity_check_sees_another_gradient(second_device):
    """One hundredth larger, of the same picture."""
    second_device(lambda image: image.detach() + 1.01 * (image - image.detach()))
    other = gpu.parity(scene(300, 64), torch.device("cpu"))
    assert other["largest"] < 1e-6 and not gpu.in_parity(other)
    assert other["worst_gradient"] == pytest.approx(0.01, rel=1e-3)
