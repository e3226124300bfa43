"""CPU and GPU render the same picture; skipped where there is no GPU."""

import pytest
import torch
from test_rasterize import INPUTS, cloud, gradients

from unigs.errors import UserError
from unigs.render.rasterize import rasterize


def needs_gpu(test):
    """Mark a test that runs on a CUDA device only."""
    absent = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
    return pytest.mark.gpu(absent(test))


def on_gpu(**scene):
    """Rasterize on the GPU with arguments and results on the CPU."""
    moved = {k: v.cuda() if torch.is_tensor(v) else v for k, v in scene.items()}
    image, alpha, meta = rasterize(**moved)
    return image.cpu(), alpha.cpu(), meta


@needs_gpu
@pytest.mark.parametrize("channels", [3, 6])
def test_image_and_gradients_are_those_of_the_cpu(channels):
    scene = cloud(2000, 120, 100, seed=1, sigma=1.5, channels=channels)
    with torch.no_grad():
        error = (rasterize(**scene)[0] - on_gpu(**scene)[0]).abs().amax(-1, keepdim=True)
    # fast CUDA arithmetic decides a few thresholds the other way
    assert torch.quantile(error, 0.99) < 1e-5
    assert error.max() < 0.02
    mask = error < 1e-5
    cpu, gpu = (gradients(f, scene, torch.float32, mask) for f in (rasterize, on_gpu))
    for name in INPUTS:
        wanted = cpu[2][name]
        assert (gpu[2][name].cpu() - wanted).norm() < 1e-3 * wanted.norm(), name


@needs_gpu
def test_the_steps_equal_gsplats_own_call():
    import gsplat

    scene = {k: v.cuda() if torch.is_tensor(v) else v for k, v in cloud(1000, 90, 70).items()}
    image, alpha, meta = rasterize(**scene)
    wanted, wanted_alpha, info = gsplat.rasterization(
        *(scene[k] for k in ("means", "quats", "scales", "opacities", "colors")),
        scene["viewmat"][None], scene["K"][None], 90, 70, packed=False,
        backgrounds=scene["background"][None],
    )  # fmt: skip
    assert torch.allclose(image, wanted[0], atol=1e-6)
    assert torch.allclose(alpha, wanted_alpha[0], atol=1e-6)
    assert torch.equal(meta["radii"], info["radii"][0])


@needs_gpu
def test_screen_space_gradients_reach_densification_on_the_gpu():
    scene = {k: v.cuda() if torch.is_tensor(v) else v for k, v in cloud(300, 60, 60).items()}
    scene["means"].requires_grad_()
    image, _, meta = rasterize(**scene)
    meta["means2d"].retain_grad()
    image.square().sum().backward()
    assert meta["means2d"].grad.shape == (300, 2)
    assert meta["means2d"].grad.abs().sum() > 0


def test_without_gsplat_the_gpu_path_says_what_to_do(monkeypatch):
    import sys

    from unigs.render import cuda

    monkeypatch.setitem(sys.modules, "gsplat", None)
    with pytest.raises(UserError, match=r"gsplat 1\.5\.3"):
        cuda._gsplat()
