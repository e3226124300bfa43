"""Our LPIPS against its article's formula, and against the lpips package where that is there."""

import importlib.util
import sys
import threading
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from unigs.compute import threads
from unigs.losses.lpips import WIDTHS, AlexNetTrunk, backend_of, distance, load_lpips
from unigs.pretrained.weights import read_weights
from unigs.stage.errors import UserError


def random_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """A random trunk and random non-negative heads."""
    torch.manual_seed(seed)
    heads = {f"lin{k}.model.1.weight": torch.rand(1, c, 1, 1) for k, c in enumerate(WIDTHS)}
    return {**AlexNetTrunk().state_dict(), **heads}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "lpips.safetensors"
    save_file(random_weights(), path)
    return path


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return truth, rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)


def reference(weights, a, b):
    """LPIPS as its article writes it (eq. 1), layer by layer with plain functions, float64."""

    def taps(image):
        x = torch.from_numpy(image).permute(2, 0, 1)[None].double() / 127.5 - 1
        shift = torch.tensor([-0.030, -0.088, -0.188]).double().view(1, 3, 1, 1)
        scale = torch.tensor([0.458, 0.448, 0.450]).double().view(1, 3, 1, 1)
        x, found = (x - shift) / scale, []
        plan = [(0, 4, 2, 0), (3, 1, 2, 1), (6, 1, 1, 1), (8, 1, 1, 0), (10, 1, 1, 0)]
        for layer, stride, padding, pool in plan:
            x = F.max_pool2d(x, 3, 2) if pool else x
            w, bias = (weights[f"features.{layer}.{n}"].double() for n in ("weight", "bias"))
            x = F.relu(F.conv2d(x, w, bias, stride, padding))
            found.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        return found

    total = 0.0
    for k, (one, other) in enumerate(zip(taps(a), taps(b), strict=True)):
        weight = weights[f"lin{k}.model.1.weight"].double()
        total += float((weight * (one - other) ** 2).sum(1).mean())
    return total


def test_distance_is_the_articles_formula(weights, images):
    expected = reference(load_file(weights), *images)
    assert distance(load_lpips(weights), *images) == pytest.approx(expected, rel=1e-5)


def pictures():
    """A smooth picture, and it brighter, noisy and shifted."""
    y, x = np.mgrid[0:80, 0:80] / 80
    base = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x * y)], -1)
    rng = np.random.default_rng(0)
    noisy = base + rng.normal(0, 0.1, base.shape)
    others = (base * 0.8 + 0.1, noisy, np.roll(base, 7, 1))
    return [(255 * np.clip(image, 0, 1)).astype(np.uint8) for image in (base, *others)]


def test_real_weights_give_the_articles_formula(real_model):
    path = real_model("lpips-alex")
    network, tensors = load_lpips(path), load_file(path)
    base, *others = pictures()
    for other in others:
        expected = reference(tensors, base, other)
        assert expected > 1e-3
        assert distance(network, base, other) == pytest.approx(expected, abs=1e-6)


def package_file(name: str) -> Path:
    """A file of the installed lpips package, found without importing it."""
    spec = importlib.util.find_spec("lpips")
    if spec is None or spec.origin is None:
        pytest.skip("the package lpips is not installed")
    return Path(spec.origin).parent / name


def test_heads_are_those_of_the_lpips_package(real_model):
    heads = read_weights(package_file("weights/v0.1/alex.pth"))
    ours = load_file(real_model("lpips-alex"))
    assert len(heads) == 5
    for name, value in heads.items():
        assert torch.equal(ours[name], value), name


def test_real_weights_agree_with_the_lpips_package(real_model, monkeypatch):
    """With that package's own code; of torchvision it needs AlexNet's layers alone."""
    package_file("lpips.py")
    path = real_model("lpips-alex")
    trunk = AlexNetTrunk()
    trunk.load_state_dict({k: v for k, v in load_file(path).items() if k.startswith("features.")})
    models = types.SimpleNamespace(alexnet=lambda pretrained: trunk)
    monkeypatch.setitem(sys.modules, "torchvision", types.SimpleNamespace(models=models))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    theirs = (
        importlib.import_module("lpips").LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    )
    ours = load_lpips(path)
    base, *others = pictures()
    for other in others:
        pair = [torch.from_numpy(i).permute(2, 0, 1)[None].float() for i in (base, other)]
        with torch.no_grad():
            expected = float(theirs(*(image / 127.5 - 1 for image in pair)))
        assert distance(ours, base, other) == pytest.approx(expected, abs=1e-6)


def test_equal_images_have_no_distance_and_a_finite_gradient(weights, images):
    network = load_lpips(weights)
    image = torch.from_numpy(images[0]).permute(2, 0, 1)[None].float() / 255
    moved = image.clone().requires_grad_()
    loss = network(moved, image).sum()
    loss.backward()
    assert float(loss.detach()) == 0 and torch.isfinite(moved.grad).all()


def test_gradient_reaches_the_image_and_not_the_weights(weights, images):
    network = load_lpips(weights)
    a, b = (torch.from_numpy(i).permute(2, 0, 1)[None].float() / 255 for i in images)
    a.requires_grad_()
    network(a, b).sum().backward()
    assert a.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.usefixtures("restored_threads")
def test_threads_change_no_bit_of_distance_and_gradient(weights, images):
    network, seen = load_lpips(weights), set()
    taps = network._taps
    network._taps = lambda image: (seen.add(threading.get_ident()), taps(image))[1]
    a, b = (torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255 for x in images)

    def values(kernel_threads, torch_threads):
        threads.set_threads(kernel_threads)
        torch.set_num_threads(torch_threads)
        image = a.clone().requires_grad_()
        seen.clear()
        found = network(image, b)
        found.sum().backward()
        return found.detach(), image.grad, len(seen)

    alone = values(1, 1)
    shared = values(2, 1)
    assert (alone[2], shared[2]) == (1, 2)
    assert values(2, 2)[2] == 1, "torch has the cores"
    assert all(torch.equal(x, y) for x, y in zip(alone[:2], shared[:2], strict=True))


def test_records_tell_the_weights_apart(weights, tmp_path):
    save_file(random_weights(1), tmp_path / "lpips.safetensors")
    names = [backend_of(path) for path in (weights, tmp_path / "lpips.safetensors")]
    assert names[0] != names[1]
    assert all(name.startswith("LPIPS 0.1, AlexNet (lpips, sha256 ") for name in names)


def swapped(change: str) -> dict[str, torch.Tensor]:
    state = random_weights()
    if change == "heads":
        return {k: v for k, v in state.items() if k.startswith("features.")}
    if change == "trunk":
        return {k: v for k, v in state.items() if k.startswith("lin")}
    name = {"shape": "features.3.weight", "head": "lin2.model.1.weight"}[change]
    return state | {name: torch.zeros(1, 3, 1, 1)}


@pytest.mark.parametrize("change", ["heads", "trunk", "shape", "head"])
def test_other_weights_are_refused_in_words(tmp_path, change):
    save_file(swapped(change), tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="w.safetensors does not hold LPIPS.*unigs models fetch"):
        load_lpips(tmp_path / "w.safetensors")


def test_a_missing_file_says_where_to_get_it(tmp_path):
    with pytest.raises(UserError, match="does not exist.*unigs models fetch lpips-alex"):
        load_lpips(tmp_path / "none.safetensors")


class Evil:
    def __reduce__(self):
        return (sys.exit, ("a pickle ran code",))


def test_a_pickle_with_code_is_not_run(tmp_path):
    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    assert zipfile.is_zipfile(tmp_path / "evil.pth")
    with pytest.raises(UserError, match=r"evil\.pth holds no tensors"):
        load_lpips(tmp_path / "evil.pth")
