"""The compiled deformation network against the same layers in float64."""

from dataclasses import replace

import pytest
import torch

from unigs.compute import threads
from unigs.model.kernels.deform import InputFeatures, deform
from unigs.model.kernels.deform_kernels import BLOCK


def network(points, widths, hidden, outputs, seed=0, shapes=True):
    """Random features and layers: per part [N,F], [H,F], shapes [K,F], gates [N]; then the layers.

    The first part has two shapes with a gate each, the last one (if it is another) one without.

    No point has a unit within 1e-4 of the kink of relu, where a rounding turns its gradient off.
    """
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g)

    layers = [normal(hidden), normal(hidden, hidden) / hidden**0.5, normal(hidden)]
    layers += [normal(outputs, hidden) / hidden**0.5, normal(outputs)]
    drawn = points + points // 4 + 8
    parts = []
    for k, width in enumerate(widths):
        gates = (torch.rand(drawn, generator=g), torch.rand(drawn, generator=g)) if k == 0 else ()
        gates = (gates or (None,)) if shapes else ()
        linear = tuple(normal(outputs, width) for _ in gates)
        weight = normal(hidden, width) / width**0.5
        parts.append(InputFeatures(normal(drawn, width), weight, linear, gates))
    kept = far_from_kinks(parts, *layers)[:points]
    assert len(kept) == points
    return [
        replace(
            p,
            features=p.features[kept],
            gates=tuple(None if gate is None else gate[kept] for gate in p.gates),
        )
        for p in parts
    ], layers


def far_from_kinks(parts, bias, w2, b2, *_):
    """Indices of the points where no hidden unit is within 1e-4 of zero."""
    first = bias + sum(part.features @ part.weight.T for part in parts)
    second = torch.relu(first) @ w2.T + b2
    return (torch.cat([first, second], 1).abs() > 1e-4).all(1).nonzero()[:, 0]


def reference(parts, bias, w2, b2, w3, b3):
    """The definition, in whatever precision the tensors have."""
    out, z = b3, bias
    for part in parts:
        z = z + part.features @ part.weight.T
        for shapes, gate in zip(part.shapes, part.gates, strict=True):
            out = out + (1 if gate is None else gate[:, None]) * (part.features @ shapes.T)
    return out + torch.relu(torch.relu(z) @ w2.T + b2) @ w3.T


def with_gradients(function, parts, layers, dtype):
    """Value and gradients of all that asks for one, by a fixed weight for every output."""

    def leaf(x):
        return x.detach().to(dtype).requires_grad_()

    parts = [
        InputFeatures(
            leaf(p.features),
            leaf(p.weight),
            tuple(map(leaf, p.shapes)),
            tuple(None if gate is None else gate.to(dtype) for gate in p.gates),
        )
        for p in parts
    ]
    layers = [leaf(x) for x in layers]
    out = function(parts, *layers)
    weights = torch.randn(*out.shape, generator=torch.Generator().manual_seed(9)).to(dtype)
    (out * weights).sum().backward()
    leaves = [x for p in parts for x in (p.features, p.weight, *p.shapes)]
    return [out.detach(), *(x.grad for x in [*leaves, *layers])]


@pytest.mark.parametrize("shapes", [True, False])
@pytest.mark.parametrize(("points", "widths", "hidden", "outputs"), [
    (2500, (72, 36), 64, 10), (64, (8,), 8, 14), (65, (9, 3), 24, 1), (1, (5, 4), 16, 12),
])  # fmt: skip
def test_values_and_gradients_match_float64(points, widths, hidden, outputs, shapes):
    parts, layers = network(points, widths, hidden, outputs, shapes=shapes)
    found = with_gradients(deform, parts, layers, torch.float32)
    expected = with_gradients(reference, parts, layers, torch.float64)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        scale = float(other.abs().max())
        torch.testing.assert_close(one.double(), other, atol=3e-6 * max(scale, 1), rtol=1e-4)


def test_blocks_without_features_change_nothing():
    """Values and gradients as if they were read; what has no features wants no gradient."""
    parts, layers = network(300, (8, 12), 16, 10)
    reach = torch.rand(300)
    reach[:130], reach[200:] = 0, 0  # blocks 0 and 2 whole, the one between in part
    features = torch.where(reach[:, None] > 0, parts[1].features, 0)
    parts[1] = replace(parts[1], features=features, reach=None)
    told = [parts[0], replace(parts[1], reach=reach)]
    for one, other in zip(_deformed(told, layers), _deformed(parts, layers), strict=True):
        if one.shape == features.shape:
            unread = torch.arange(300) // BLOCK != 1
            assert (one[unread] == 0).all() and unread.sum() == 300 - BLOCK
            one, other = one[~unread], other[~unread]
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def _deformed(parts, layers):
    """Value and gradients, the factors kept."""
    parts = [replace(p, features=p.features.detach().requires_grad_()) for p in parts]
    layers = [x.detach().requires_grad_() for x in layers]
    out = deform(parts, *layers)
    (out * torch.arange(10.0)).sum().backward()
    return [out.detach(), *(x.grad for x in [*(p.features for p in parts), *layers])]


def test_features_in_either_memory_order_give_the_same():
    parts, layers = network(130, (12,), 16, 10)
    turned = replace(parts[0], features=parts[0].features.T.contiguous().T)
    assert not turned.features.is_contiguous()
    assert torch.equal(deform([turned], *layers), deform(parts, *layers))


def test_no_points():
    parts, layers = network(0, (12, 8), 16, 10)
    out, *gradients = with_gradients(deform, parts, layers, torch.float32)
    assert out.shape == (0, 10) and all((x == 0).all() for x in gradients)


@pytest.mark.usefixtures("restored_threads")
def test_threads_do_not_change_a_bit():
    parts, layers = network(5000, (24, 12), 32, 10)
    results = []
    for count in (1, 2):
        threads.set_threads(count)
        results.append(with_gradients(deform, parts, layers, torch.float32))
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_what_does_not_fit_is_named():
    parts, layers = network(10, (8,), 10, 3)
    with pytest.raises(ValueError, match="multiple of 8"):
        deform(parts, *layers)
    parts, layers = network(10, (8,), 8, 3)
    with pytest.raises(ValueError, match="float32"):
        deform(parts, *(x.double() for x in layers))
    others, _ = network(9, (8,), 8, 3)
    with pytest.raises(ValueError, match=r"\(10, 8\), got torch.float32 \(9, 8\)"):
        deform([*parts, *others], *layers)
    with pytest.raises(ValueError, match="2 linear shapes need as many gates"):
        deform([replace(parts[0], gates=parts[0].gates[:1])], *layers)
    with pytest.raises(ValueError, match=r"\(8,\), got"):
        deform(parts, layers[0][:4], *layers[1:])


def test_a_nan_is_not_hidden():
    parts, layers = network(70, (8,), 8, 3, shapes=False)
    parts[0].features[5] = torch.nan
    out = deform(parts, *layers)
    assert out[5].isnan().all() and out[torch.arange(70) != 5].isfinite().all()
