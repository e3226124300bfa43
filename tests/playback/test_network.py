"""The playback network against the same layers in torch."""

import numpy as np
import pytest
import torch

from unigs.compute import threads
from unigs.playback.network import PlaybackDeformation


def network(points, width, outputs, seed=0):
    """Random P [N,H] and layers of the size that training gives."""
    g = torch.Generator().manual_seed(seed)
    product = torch.randn(points, width, generator=g)
    w2 = torch.randn(width, width, generator=g) / width**0.5
    w3 = torch.randn(outputs, width, generator=g) / width**0.5
    b2 = torch.randn(width, generator=g)
    b3 = torch.randn(outputs, generator=g)
    return product, w2, b2, w3, b3


def reference(layers, bias):
    """The same network in float64."""
    product, w2, b2, w3, b3 = (x.double() for x in layers)
    hidden = torch.relu(product + bias.double())
    hidden = torch.relu(hidden @ w2.T + b2)
    return (hidden @ w3.T + b3).numpy()


@pytest.mark.parametrize("outputs", [1, 10, 11, 12, 14])
@pytest.mark.parametrize(("points", "width"), [(1000, 64), (64, 8), (65, 40), (1, 64)])
def test_outputs_match_float64(points, width, outputs):
    layers = network(points, width, outputs)
    bias = torch.randn(width, generator=torch.Generator().manual_seed(1))
    out = PlaybackDeformation(*layers).apply(bias)
    assert out.shape == (points, outputs) and out.dtype == np.float32
    np.testing.assert_allclose(out, reference(layers, bias), atol=1e-5)


@pytest.mark.parametrize("points", [300, 64, 1])
def test_shapes_are_added_and_may_be_zero_in_places(points):
    layers = network(points, 16, 10)
    g = torch.Generator().manual_seed(3)
    basis, shapes = torch.randn(points, 5, 10, generator=g), torch.randn(5, generator=g)
    basis[: points // 2, :2] = 0  # of 300 points a whole block of 128 and a part of the next
    basis[:, 4] = 0
    bias = torch.randn(16, generator=g)
    out = PlaybackDeformation(*layers, basis).apply(bias, shapes)
    moved = torch.einsum("s,nsk->nk", shapes.double(), basis.double()).numpy()
    np.testing.assert_allclose(out, reference(layers, bias) + moved, atol=1e-5)


def test_a_twin_has_a_buffer_of_its_own():
    layers = network(70, 16, 10)
    one = PlaybackDeformation(*layers)
    first = one.apply(torch.ones(16))
    kept = first.copy()
    second = one.twin().apply(torch.zeros(16))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(second, reference(layers, torch.zeros(16)), atol=1e-5)


def test_each_frame_has_its_own_bias():
    layers = network(130, 64, 10)
    deformation = PlaybackDeformation(*layers)
    g = torch.Generator().manual_seed(2)
    for _ in range(3):  # the buffer is reused, nothing of the last frame may stay in it
        bias = torch.randn(64, generator=g)
        np.testing.assert_allclose(
            deformation.apply(bias.numpy()), reference(layers, bias), atol=1e-5
        )


def test_later_changes_of_the_network_do_not_reach_it():
    layers = network(70, 16, 10)
    bias = torch.ones(16)
    deformation = PlaybackDeformation(*layers)
    before = deformation.apply(bias).copy()
    for layer in layers:
        layer.mul_(2)
    np.testing.assert_array_equal(deformation.apply(bias), before)


def test_zero_points():
    layers = network(0, 64, 10)
    assert PlaybackDeformation(*layers).apply(torch.zeros(64)).shape == (0, 10)


@pytest.mark.usefixtures("restored_threads")
def test_threads_do_not_change_a_bit():
    layers = network(3000, 64, 10)
    bias = torch.linspace(-1, 1, 64)
    threads.set_threads(1)
    one = PlaybackDeformation(*layers).apply(bias).copy()
    threads.set_threads(2)
    two = PlaybackDeformation(*layers).apply(bias)
    np.testing.assert_array_equal(one, two)


def test_wrong_shapes_are_named():
    product, w2, b2, w3, b3 = network(10, 16, 10)
    with pytest.raises(ValueError, match="multiple of 8"):
        PlaybackDeformation(product, w2[:-1], b2, w3, b3)
    with pytest.raises(ValueError, match="multiple of 8"):
        PlaybackDeformation(*network(10, 12, 10))
    with pytest.raises(ValueError, match=r"bias \[16\]"):
        PlaybackDeformation(product, w2, b2, w3, b3).apply(torch.zeros(17))
