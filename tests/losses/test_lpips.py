"""Our LPIPS against the lpips package where it can be imported, and by its properties."""

import sys
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from unigs.losses.lpips import AlexNetTrunk, distance, load_lpips, packaged_heads
from unigs.stage.errors import UserError

CHANNELS = (64, 192, 384, 256, 256)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A random trunk and random non-negative heads in the files' own formats."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    trunk = {**AlexNetTrunk().state_dict(), "classifier.6.bias": torch.zeros(3)}
    torch.save(trunk, folder / "alexnet.pth")
    heads = {f"lin{k}.model.1.weight": torch.rand(1, c, 1, 1) for k, c in enumerate(CHANNELS)}
    torch.save(heads, folder / "heads.pth")
    save_file(
        {name: value.contiguous() for name, value in trunk.items()}, folder / "alexnet.safetensors"
    )
    return folder


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return truth, rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)


def reference(trunk, heads, a, b):
    """LPIPS as its article writes it (eq. 1), layer by layer with plain functions."""
    import torch.nn.functional as F

    def taps(image):
        x = torch.from_numpy(image).permute(2, 0, 1)[None].double() / 127.5 - 1
        shift = torch.tensor([-0.030, -0.088, -0.188]).double().view(1, 3, 1, 1)
        scale = torch.tensor([0.458, 0.448, 0.450]).double().view(1, 3, 1, 1)
        x, found = (x - shift) / scale, []
        plan = [
            (0, 4, 2, False),
            (3, 1, 2, True),
            (6, 1, 1, True),
            (8, 1, 1, False),
            (10, 1, 1, False),
        ]
        for layer, stride, padding, pool in plan:
            x = F.max_pool2d(x, 3, 2) if pool else x
            w, bias = (trunk[f"features.{layer}.{n}"].double() for n in ("weight", "bias"))
            x = F.relu(F.conv2d(x, w, bias, stride, padding))
            found.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        return found

    total = 0.0
    for k, (one, other) in enumerate(zip(taps(a), taps(b), strict=True)):
        weight = heads[f"lin{k}.model.1.weight"].double()
        total += float((weight * (one - other) ** 2).sum(1).mean())
    return total


def test_distance_is_the_articles_formula(weights, images):
    network = load_lpips(weights / "alexnet.pth", weights / "heads.pth")
    trunk = torch.load(weights / "alexnet.pth", weights_only=True)
    heads = torch.load(weights / "heads.pth", weights_only=True)
    assert distance(network, *images) == pytest.approx(reference(trunk, heads, *images), rel=1e-4)


def test_both_weight_formats_give_the_same(weights, images):
    a, b = (load_lpips(weights / f"alexnet.{kind}", weights / "heads.pth")
            for kind in ("pth", "safetensors"))  # fmt: skip
    assert distance(a, *images) == distance(b, *images) > 0


def test_equal_images_have_no_distance_and_a_finite_gradient(weights, images):
    network = load_lpips(weights / "alexnet.pth", weights / "heads.pth")
    image = torch.from_numpy(images[0]).permute(2, 0, 1)[None].float() / 255
    moved = image.clone().requires_grad_()
    loss = network(moved, image).sum()
    loss.backward()
    assert float(loss.detach()) == 0 and torch.isfinite(moved.grad).all()


def test_gradient_reaches_the_image_and_not_the_weights(weights, images):
    network = load_lpips(weights / "alexnet.pth", weights / "heads.pth")
    a, b = (torch.from_numpy(i).permute(2, 0, 1)[None].float() / 255 for i in images)
    a.requires_grad_()
    network(a, b).sum().backward()
    assert a.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())


def test_agrees_with_the_lpips_package(weights, images):
    try:
        import lpips
    except (ImportError, RuntimeError):
        pytest.skip("lpips or its torchvision does not import here")
    theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    state = {f"features.{k.split('.', 1)[1]}": v for k, v in theirs.net.state_dict().items()}
    torch.save(state, weights / "theirs.pth")
    ours = load_lpips(weights / "theirs.pth", packaged_heads())
    a, b = (torch.from_numpy(i).permute(2, 0, 1)[None].float() / 127.5 - 1 for i in images)
    with torch.no_grad():
        assert distance(ours, *images) == pytest.approx(float(theirs(a, b)), rel=1e-5)


def test_missing_and_foreign_files_are_refused_in_words(weights, tmp_path):
    with pytest.raises(UserError, match="does not exist.*alexnet-owt"):
        load_lpips(tmp_path / "none.pth", weights / "heads.pth")
    torch.save({"layer.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="does not hold AlexNet"):
        load_lpips(tmp_path / "other.pth", weights / "heads.pth")
    with pytest.raises(UserError, match="lacks 'lin0.model.1.weight'"):
        load_lpips(weights / "alexnet.pth", tmp_path / "other.pth")


class Evil:
    def __reduce__(self):
        return (sys.exit, ("a pickle ran code",))


def test_a_pickle_with_code_is_not_run(weights, tmp_path):
    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    assert zipfile.is_zipfile(tmp_path / "evil.pth")
    with pytest.raises(UserError, match=r"evil\.pth holds no tensors"):
        load_lpips(tmp_path / "evil.pth", weights / "heads.pth")
