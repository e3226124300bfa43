"""CPU and GPU render the same picture; skipped where there is no GPU."""

import pytest
import torch

from tests.support.clouds import INPUTS, cloud, gradients
from unigs.render.rasterize import Splats, rasterize, rasterize_frames
from unigs.stage.errors import UserError


def on_gpu(**scene):
    """Rasterize on the GPU with arguments and results on the CPU."""
    moved = {k: v.cuda() if torch.is_tensor(v) else v for k, v in scene.items()}
    image, alpha, meta = rasterize(**moved)
    return image.cpu(), alpha.cpu(), meta


@pytest.mark.gpu
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


@pytest.mark.gpu
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


@pytest.mark.gpu
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
        cuda.load_gsplat()


@pytest.mark.gpu
def test_a_batch_on_the_gpu_is_its_single_frames():
    frames, found = [cloud(500, 70, 60, seed=seed) for seed in (1, 2, 3)], {}
    weights = torch.randn(60, 70, 3, generator=torch.Generator().manual_seed(0)).cuda()
    for together in (True, False):
        splats = [splats_of(frame, "cuda") for frame in frames]
        for one in splats:
            one.means.requires_grad_()
        K = frames[0]["K"].cuda()
        if together:
            rendered = rasterize_frames(splats, K, 70, 60)
        else:
            rendered = [rasterize_frames([one], K, 70, 60)[0] for one in splats]
        for _, _, meta in rendered:
            meta["means2d"].retain_grad()
        sum((image * weights).sum() for image, _, _ in rendered).backward()
        found[together] = [
            (image, alpha, meta["radii"], meta["means2d"].grad, one.means.grad)
            for (image, alpha, meta), one in zip(rendered, splats, strict=True)
        ]
    for a, b in zip(found[True], found[False], strict=True):
        assert torch.equal(a[2], b[2])
        for x, y in zip(a, b, strict=True):
            assert (x.float() - y.float()).norm() <= 1e-4 * y.float().norm()


def splats_of(scene: dict, device: str) -> Splats:
    """One frame of `rasterize_frames` from the arguments of `rasterize`."""
    names = ("means", "quats", "scales", "opacities", "colors", "viewmat", "background")
    return Splats(*(scene[name].to(device) for name in names))


class StandIn:
    """gsplat's compiled kernels as far as their shapes go (csrc/*.cpp), with pictures of noise."""

    CameraModelType = PINHOLE = 0

    @staticmethod
    def projection_ewa_3dgs_fused_fwd(means, _covars, _q, _s, _o, views, *_):
        shape = (*means.shape[:-2], views.shape[-3], means.shape[-2])
        radii = torch.ones(*shape, 2, dtype=torch.int32)
        return radii, torch.rand(*shape, 2), torch.ones(shape), torch.rand(*shape, 3), None

    @staticmethod
    def projection_ewa_3dgs_fused_bwd(means, _covars, quats, scales, views, *_):
        like = torch.ones_like
        return like(means), None, like(quats), like(scales), like(views)

    @staticmethod
    def intersect_tile(means2d, radii, depths, _i, _g, images, *_):
        assert means2d.shape[:-2].numel() == radii.shape[:-2].numel() == images
        pairs = torch.zeros(7, dtype=torch.int64)
        return torch.zeros(depths.shape, dtype=torch.int32), pairs, pairs.int()

    @staticmethod
    def intersect_offset(_keys, images, tiles_x, tiles_y):
        return torch.zeros(images, tiles_y, tiles_x, dtype=torch.int32)

    @staticmethod
    def rasterize_to_pixels_3dgs_fwd(means2d, _c, colors, _o, backgrounds, _m, width, height, *_):
        assert backgrounds.shape == (len(means2d), colors.shape[-1])
        image = torch.rand(len(means2d), height, width, colors.shape[-1])
        return image, image[..., :1].clone(), torch.zeros(image.shape[:-1], dtype=torch.int32)

    @staticmethod
    def rasterize_to_pixels_3dgs_bwd(means2d, conics, colors, opacities, *_):
        return None, *(torch.ones_like(x) for x in (means2d, conics, colors, opacities))


@pytest.mark.skipif(torch.cuda.is_available(), reason="the kernels themselves are tested here")
@pytest.mark.parametrize("count", [1, 3])
def test_the_calls_fit_gsplats_own_checks(monkeypatch, count):
    """gsplat's Python layer, which checks all shapes, over kernels that only have shapes."""
    import sys

    from unigs.render.cuda import rasterize_cuda

    monkeypatch.setitem(sys.modules, "gsplat.csrc", StandIn)
    try:
        frames = [splats_of(cloud(50, 70, 45, seed=k, channels=6), "cpu") for k in range(count)]
        for one in frames:
            one.means.requires_grad_()
        rendered = rasterize_cuda(
            [(*list(vars(one).values())[:-1], torch.eye(3), one.background) for one in frames],
            70, 45,
        )  # fmt: skip
        for image, alpha, meta in rendered:
            assert image.shape == (45, 70, 6) and alpha.shape == (45, 70, 1)
            assert meta["means2d"].shape == meta["radii"].shape == (50, 2)
            assert meta["depths"].shape == (50,) and meta["conics"].shape == (50, 3)
            meta["means2d"].retain_grad()
        sum(image.sum() for image, _, _ in rendered).backward()
        for one, (_, _, meta) in zip(frames, rendered, strict=True):
            assert meta["means2d"].grad.shape == (50, 2)
            assert one.means.grad.shape == (50, 3)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "gsplat"]:
            del sys.modules[name]


def test_frames_together_are_frames_alone():
    frames = [cloud(40, 30, 20, seed=seed) for seed in (1, 2)]
    together = rasterize_frames([splats_of(f, "cpu") for f in frames], frames[0]["K"], 30, 20)
    for frame, (image, alpha, _) in zip(frames, together, strict=True):
        alone = rasterize(**{**frame, "K": frames[0]["K"]})
        assert torch.equal(image, alone[0]) and torch.equal(alpha, alone[1])
