"""Segmentation networks in three kinds of files, and what their classes become."""

import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.support.network_files import onnx_file, tflite_file
from unigs.face.face_frame import CHIN_Y
from unigs.prepare.regions import bisenet
from unigs.prepare.regions.parsing_network import (
    USUAL,
    ParsingNetwork,
    probabilities_of,
    read_classes,
    scaled,
)
from unigs.prepare.regions.surfaces import Surface
from unigs.settings.regions import RegionSettings
from unigs.stage.errors import UserError

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (64, 48, 3)).astype(np.uint8)
IMAGENET = (PICTURE / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    powers = np.exp(scores)
    return powers / powers.sum(-1, keepdims=True)


def onnx(path, count=3, shape=None, **settings) -> tuple[ParsingNetwork, np.ndarray, np.ndarray]:
    weight, bias = RNG.normal(0, 0.3, (count, 3)), RNG.normal(size=count)
    path.write_bytes(onnx_file(weight, bias, shape))
    network = ParsingNetwork(RegionSettings(backend="onnx", model=str(path), **settings))
    return network, weight, bias


def test_an_onnx_network_with_classes_of_its_own(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
    classes = "other,cloth,skin,hair,skin"
    network, weight, bias = onnx(tmp_path / "n.onnx", 5, classes=classes, scores="softmax")
    expected = softmax(IMAGENET @ weight.T + bias)
    skin, hair, cloth = network.surfaces(PICTURE)
    np.testing.assert_allclose(skin, expected[..., 2] + expected[..., 4], atol=1e-5)
    np.testing.assert_allclose(hair, expected[..., 3], atol=1e-5)
    np.testing.assert_allclose(cloth, expected[..., 1], atol=1e-5)


@pytest.mark.parametrize(
    "pixels, shown", [("unit", PICTURE / 255), ("symmetric", PICTURE / 127.5 - 1)]
)
def test_pixels_as_a_network_wants_them(tmp_path, pixels, shown):
    pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
    network, weight, bias = onnx(tmp_path / "n.onnx", pixels=pixels, scores="sigmoid")
    expected = 1 / (1 + np.exp(-(shown @ weight.T + bias)))
    skin, hair, cloth = network.surfaces(PICTURE)  # the usual order is skin, cloth, hair
    for got, k in ((skin, 0), (cloth, 1), (hair, 2)):
        np.testing.assert_allclose(got, expected[..., k], atol=1e-5)


def test_sizes_that_the_file_leaves_open_are_512(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
    network, _, _ = onnx(tmp_path / "n.onnx", shape=["batch", 3, "height", "width"])
    assert network.engine.size == (512, 512)
    assert all(plane.shape == (64, 48) for plane in network.surfaces(PICTURE))


def test_selfie_multiclass_by_its_documented_shape(tmp_path):
    """[1,256,256,3] of 0 to 1 to logits [1,256,256,6]: other, hair, skin, skin, clothes, other."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert runs .tflite files")
    weight, bias = RNG.normal(0, 3, (6, 3)), RNG.normal(size=6)
    path = tmp_path / "selfie.tflite"
    path.write_bytes(tflite_file(weight, bias))
    network = ParsingNetwork(RegionSettings(backend="tflite", model=str(path)))
    assert network.engine.size == (256, 256)
    whole = RNG.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    expected = softmax(whole / 255 @ weight.T + bias)
    skin, hair, cloth = network.surfaces(whole)
    np.testing.assert_allclose(hair, expected[..., 1], atol=1e-5)
    np.testing.assert_allclose(skin, expected[..., 2] + expected[..., 3], atol=1e-5)
    np.testing.assert_allclose(cloth, expected[..., 4], atol=1e-5)


# --- BiSeNet -----------------------------------------------------------------------------------


def block_names(name: str, given: int, out: int) -> dict[str, tuple]:
    shapes = {"conv1.weight": (out, given, 3, 3), "conv2.weight": (out, out, 3, 3)}
    found = {f"{name}.{k}": v for k, v in shapes.items()}
    found |= norm(f"{name}.bn1", out) | norm(f"{name}.bn2", out)
    if given != out:
        found |= {f"{name}.downsample.0.weight": (out, given, 1, 1)}
        found |= norm(f"{name}.downsample.1", out)
    return found


def norm(name: str, out: int) -> dict[str, tuple]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{p}": (out,) for p in parts} | {f"{name}.num_batches_tracked": ()}


def conv_bn(name: str, given: int, out: int, size: int = 3) -> dict[str, tuple]:
    return {f"{name}.conv.weight": (out, given, size, size)} | norm(f"{name}.bn", out)


def published_names(classes: int = 19) -> dict[str, tuple]:
    """Names and shapes of face-parsing.PyTorch's state dict."""
    found = {"cp.resnet.conv1.weight": (64, 3, 7, 7)} | norm("cp.resnet.bn1", 64)
    widths = [64, 64, 128, 256, 512]
    for layer in range(1, 5):
        given, out = widths[layer - 1 : layer + 1]
        found |= block_names(f"cp.resnet.layer{layer}.0", given, out)
        found |= block_names(f"cp.resnet.layer{layer}.1", out, out)
    for name, given in (("arm16", 256), ("arm32", 512)):
        found |= conv_bn(f"cp.{name}.conv", given, 128) | norm(f"cp.{name}.bn_atten", 128)
        found[f"cp.{name}.conv_atten.weight"] = (128, 128, 1, 1)
    found |= conv_bn("cp.conv_head32", 128, 128) | conv_bn("cp.conv_head16", 128, 128)
    found |= conv_bn("cp.conv_avg", 512, 128, 1) | conv_bn("ffm.convblk", 256, 256, 1)
    found |= {"ffm.conv1.weight": (64, 256, 1, 1), "ffm.conv2.weight": (256, 64, 1, 1)}
    for name, given, middle in (("conv_out", 256, 256), ("conv_out16", 128, 64),
                                ("conv_out32", 128, 64)):  # fmt: skip
        found |= conv_bn(f"{name}.conv", given, middle)
        found[f"{name}.conv_out.weight"] = (classes, middle, 1, 1)
    return found


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def filled(name: str, shape: tuple) -> torch.Tensor:
        if name.endswith("tracked"):
            return torch.tensor(7)
        values = torch.randn(shape, generator=generator)
        if len(shape) == 4:
            return values / np.sqrt(np.prod(shape[1:]))
        return values.abs() + 0.5 if name.endswith(("var", "weight")) else 0.3 * values

    return {name: filled(name, shape) for name, shape in published_names().items()}


def reference(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """BiSeNet as a formula over the state dict, float64."""
    s = {name: value.double() for name, value in state.items()}

    def bn(x, name):
        mean, var = s[f"{name}.running_mean"], s[f"{name}.running_var"]
        y = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
        return y * s[f"{name}.weight"][:, None, None] + s[f"{name}.bias"][:, None, None]

    def conv(x, name, stride=1):
        w = s[f"{name}.weight"]
        return functional.conv2d(x, w, stride=stride, padding=w.shape[-1] // 2)

    def cbr(x, name):
        return bn(conv(x, f"{name}.conv"), f"{name}.bn").clamp_min(0)

    def layer(x, name, stride):
        for k, step in ((0, stride), (1, 1)):
            b = f"cp.resnet.{name}.{k}"
            y = bn(conv(x, f"{b}.conv1", step), f"{b}.bn1").clamp_min(0)
            y = bn(conv(y, f"{b}.conv2"), f"{b}.bn2")
            if f"{b}.downsample.0.weight" in s:
                x = bn(conv(x, f"{b}.downsample.0", step), f"{b}.downsample.1")
            x = (x + y).clamp_min(0)
        return x

    def attended(x, name):
        x = cbr(x, f"cp.{name}.conv")
        pooled = x.mean((2, 3), keepdim=True)
        return x * bn(conv(pooled, f"cp.{name}.conv_atten"), f"cp.{name}.bn_atten").sigmoid()

    def twice(x):
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    size = x.shape[2:]
    x = bn(conv(x.double(), "cp.resnet.conv1", 2), "cp.resnet.bn1").clamp_min(0)
    x = layer(functional.max_pool2d(x, 3, 2, 1), "layer1", 1)
    f8 = layer(x, "layer2", 2)
    f16 = layer(f8, "layer3", 2)
    f32 = layer(f16, "layer4", 2)
    deep = attended(f32, "arm32") + cbr(f32.mean((2, 3), keepdim=True), "cp.conv_avg")
    deep = cbr(twice(deep), "cp.conv_head32")
    context = cbr(twice(attended(f16, "arm16") + deep), "cp.conv_head16")
    fused = cbr(torch.cat([f8, context], 1), "ffm.convblk")
    weight = conv(fused.mean((2, 3), keepdim=True), "ffm.conv1").clamp_min(0)
    fused = fused * (1 + conv(weight, "ffm.conv2").sigmoid())
    scores = conv(cbr(fused, "conv_out.conv"), "conv_out.conv_out")
    return functional.interpolate(scores, size, mode="bilinear", align_corners=True)


def test_bisenet_is_the_formula_over_its_weights(tmp_path, state):
    torch.save(state, tmp_path / "79999_iter.pth")
    network = bisenet.load_bisenet(tmp_path / "79999_iter.pth")
    x = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        got = bisenet.scores_of(network, x)
    expected = reference(state, x)
    assert got.shape == (1, 19, 64, 96) and expected.std() > 0.1
    torch.testing.assert_close(got.double(), expected, atol=1e-4, rtol=1e-4)


def test_bisenet_as_a_back_end(tmp_path, state):
    torch.save(state, tmp_path / "79999_iter.pth")
    path = str(tmp_path / "79999_iter.pth")
    network = ParsingNetwork(RegionSettings(backend="bisenet", model=path))
    picture = RNG.integers(0, 256, (512, 512, 3)).astype(np.uint8)
    skin, hair, cloth = network.surfaces(picture)
    shown = (picture / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    scores = reference(state, torch.from_numpy(shown.transpose(2, 0, 1)[None]))[0]
    expected = scores.softmax(0).numpy()
    np.testing.assert_allclose(hair, expected[17] + expected[18], atol=1e-3)
    np.testing.assert_allclose(cloth, expected[15] + expected[16], atol=1e-3)
    kept = [*range(1, 9), *range(10, 15)]
    np.testing.assert_allclose(skin, expected[kept].sum(0), atol=1e-3)


@pytest.mark.parametrize("change", ["lacking", "unknown", "shape", "head"])
def test_other_weights_are_no_bisenet(tmp_path, state, change):
    other = dict(state)
    if change == "lacking":
        del other["ffm.conv2.weight"]
    elif change == "unknown":
        other["sp.conv1.conv.weight"] = torch.zeros(1)
    elif change == "shape":
        other["cp.arm16.conv_atten.weight"] = torch.zeros(64, 64, 1, 1)
    else:
        del other["conv_out.conv_out.weight"]
    torch.save(other, tmp_path / "w.pth")
    with pytest.raises(UserError, match="w.pth does not hold BiSeNet for face parsing"):
        bisenet.load_bisenet(tmp_path / "w.pth")


# --- what the classes become -------------------------------------------------------------------


def test_usual_classes_are_as_many_as_the_networks_have():
    counts = {name: len(read_classes(classes)) for name, (classes, _, _) in USUAL.items()}
    assert counts == {"onnx": 3, "tflite": 6, "bisenet": 19}
    assert read_classes("hair, other,skin,cloth") == [
        Surface.HAIR,
        None,
        Surface.SKIN,
        Surface.CLOTH,
    ]


def test_clothes_on_heads_are_hair(tmp_path):
    """Above the chin a pixel that looks like clothes alone belongs to the head."""
    pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
    path = tmp_path / "n.onnx"
    path.write_bytes(onnx_file(np.zeros((3, 3)), np.array([0.0, 0.9, 0.05])))
    network = ParsingNetwork(RegionSettings(backend="onnx", model=str(path)))
    # A face frame in which the chin lies in the picture's middle row; 100 pixels are 25 cm.
    picture = np.zeros((100, 100, 3), np.uint8)
    from unigs.face.face_frame import CELL, heights

    for shift in np.linspace(-100, 200, 301):
        matrix = np.array([[0.0025 / CELL, 0, 0], [0, 0.0025 / CELL, shift]])
        if abs(heights(matrix, 100, 100)[50, 50] - CHIN_Y) < 0.002:
            break
    else:
        pytest.fail("no such frame")
    skin, hair, cloth = network.probabilities(picture, matrix)
    np.testing.assert_allclose(skin + hair + cloth, 1, atol=1e-5)
    assert hair[5].min() > 0.9 and cloth[95].min() > 0.9


@pytest.mark.parametrize(
    "kind, settings, words",
    [
        ("onnx", {"classes": "skin,hair"}, "lacks cloth"),
        ("onnx", {"classes": "skin,hair,cloth,nose"}, "names nose"),
        ("onnx", {"classes": "skin,hair,cloth,other"}, "has 3 classes and regions.classes names 4"),
        ("onnx", {"model": "nowhere.onnx"}, "needs a network and nowhere.onnx is no file"),
        ("onnx", {"backend": "tflite"}, "cannot be loaded by LiteRT"),
        ("tflite", {"backend": "onnx"}, "cannot be loaded by onnxruntime"),
        ("tflite", {"backend": "bisenet"}, "cannot be read as weights"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path, kind, settings, words):
    pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert runs .tflite files")
    path = tmp_path / f"n.{kind}"
    write = {"onnx": onnx_file, "tflite": tflite_file}[kind]
    path.write_bytes(write(np.zeros((3, 3)), np.zeros(3)))
    with pytest.raises(UserError, match=words):
        network = ParsingNetwork(
            RegionSettings(**{"backend": kind, "model": str(path), **settings})
        )
        network.surfaces(PICTURE)


def test_a_truncated_network_is_one_sentence(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert runs .tflite files")
    for kind, write in (("onnx", onnx_file), ("tflite", tflite_file)):
        path = tmp_path / f"n.{kind}"
        path.write_bytes(write(np.zeros((3, 3)), np.zeros(3))[:60])
        with pytest.raises(UserError, match=f"n.{kind} cannot be loaded"):
            ParsingNetwork(RegionSettings(backend=kind, model=str(path)))


def test_a_network_without_a_picture_is_refused(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime runs .onnx files")
    with pytest.raises(UserError, match=r"takes \[1, 4, 8, 8\]"):
        onnx(tmp_path / "n.onnx", shape=[1, 4, 8, 8])


@pytest.mark.parametrize("kind, module, package", [
    ("onnx", "onnxruntime", "onnxruntime"),
    ("tflite", "ai_edge_litert.interpreter", "ai-edge-litert"),
])  # fmt: skip
def test_without_the_package_the_message_names_it(tmp_path, monkeypatch, kind, module, package):
    path = tmp_path / f"n.{kind}"
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"needs {package}: pip install 'unigs\[models\]'"):
        ParsingNetwork(RegionSettings(backend=kind, model=str(path)))


def test_scores_and_pixels():
    scores = RNG.normal(0, 50, (4, 5, 6)).astype(np.float32)
    np.testing.assert_allclose(probabilities_of(scores, "softmax").sum(0), 1, rtol=1e-6)
    assert np.isfinite(probabilities_of(scores, "sigmoid")).all()
    np.testing.assert_array_equal(probabilities_of(scores, "probabilities"), scores)
    assert scaled(PICTURE, "unit").max() <= 1 and scaled(PICTURE, "symmetric").min() >= -1
