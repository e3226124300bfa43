"""The compiled pass that poses, activates and colors against torch and its autograd in float64."""

import numpy as np
import pytest
import torch

from tests.support.portraits import rotations
from unigs.compute import threads
from unigs.model.anchor import Body
from unigs.model.deltas import NetworkDeltas
from unigs.model.gaussians import MAX_SCALE, Gaussians
from unigs.model.kernels.pose import Outputs, frame_numbers, pose
from unigs.model.posing import posed, posed_torch

SHIFT = torch.tensor([0.02, -0.03, 0.6])
HEAD, TORSO = rotations(2, 5, 0.4)
FRAME = HEAD, SHIFT, Body(TORSO, SHIFT + 0.05)
UNITS = 0.01, 0.1


def field(count, degree=1, anchors=True, seed=0):
    """Random Gaussians, some as large as they may be, some black, some darker than black."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g)

    log_scales = normal(count, 3) - 2.5
    log_scales[: count // 8] = np.log(MAX_SCALE) + 0.3
    higher = (degree + 1) ** 2 - 1
    return Gaussians(
        means=0.1 * normal(count, 3),
        log_scales=log_scales,
        quats=normal(count, 4),
        opacities=normal(count),
        colors=2 * normal(count, 3),
        harmonics=0.3 * normal(count, higher, 3) if higher else None,
        anchors=2 * normal(count) if anchors else None,
    )


def outputs(count, attributes, seed=1):
    widths = {"position": 3, "scale": 3, "rotation": 4, "opacity": 1, "color": 3}
    g = torch.Generator().manual_seed(seed)
    return torch.randn(count, sum(widths[name] for name in attributes), generator=g)


def with_gradients(function, gaussians, raw, attributes, dtype):
    """The five results, and the gradients of all parameters, by a fixed weight for every number."""
    own = Gaussians(**{k: v.detach().to(dtype) for k, v in gaussians.present().items()})
    R, t, body = FRAME
    frame = R.to(dtype), t.to(dtype), Body(body.R.to(dtype), body.t.to(dtype))
    deltas = None
    if raw is not None:
        raw = raw.detach().to(dtype).requires_grad_()
        deltas = NetworkDeltas(raw, attributes, UNITS)
    found = function(own, *frame, deltas)
    g = torch.Generator().manual_seed(9)
    sum((x * torch.randn(*x.shape, generator=g).to(dtype)).sum() for x in found).backward()
    leaves = [*own.present().values(), *([] if raw is None else [raw])]
    return [x.detach() for x in found] + [x.grad for x in leaves]


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("anchors", [True, False])
@pytest.mark.parametrize("attributes", [
    None, ("position", "scale", "rotation"), ("opacity", "color"), ("scale",),
    ("position", "scale", "rotation", "opacity", "color"),
])  # fmt: skip
def test_values_and_gradients_match_float64(attributes, anchors, degree):
    gaussians = field(300, degree, anchors)
    raw = None if attributes is None else outputs(300, attributes)
    found = with_gradients(posed, gaussians, raw, attributes, torch.float32)
    expected = with_gradients(posed_torch, gaussians, raw, attributes, torch.float64)
    assert (expected[2] == MAX_SCALE).any() and (expected[4] == 0).any()
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape and one.dtype == torch.float32
        torch.testing.assert_close(one.double(), other, atol=3e-6, rtol=3e-5)


def test_a_length_at_its_limit_and_a_black_color_still_learn():
    """Both are where new fields often start, and a clamp passes its own limit on."""
    gaussians = field(4, degree=0, anchors=False)
    with torch.no_grad():
        gaussians.log_scales.fill_(torch.tensor(MAX_SCALE).log())
        gaussians.colors.fill_((0 - 0.5) / 0.28209479177387814)
    results = with_gradients(posed, gaussians, None, None, torch.float32)
    expected = with_gradients(posed_torch, gaussians, None, None, torch.float32)
    for one, other in zip(results, expected, strict=True):
        torch.testing.assert_close(one, other)
    assert (results[6] != 0).all()


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_what_is_no_number_is_not_hidden(broken):
    """Wherever torch has a NaN there is one, a length that overflows included."""
    attributes = "position", "scale", "rotation", "opacity", "color"
    raw = outputs(14, attributes)
    raw[range(14), range(14)] = broken
    gaussians = field(14)
    found = with_gradients(posed, gaussians, raw, attributes, torch.float32)
    expected = with_gradients(posed_torch, gaussians, raw, attributes, torch.float32)
    assert any(x.isnan().any() for x in expected)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.isnan(), other.isnan())


def test_poses_that_are_learned_get_their_gradient():
    R, t, body = FRAME
    t = t.clone().requires_grad_()
    means, *_ = posed(field(20), R, t, body)
    means.sum().backward()
    assert t.grad.abs().min() > 0


@pytest.mark.usefixtures("restored_threads")
def test_threads_do_not_change_a_bit():
    attributes = "position", "scale", "rotation"
    gaussians, raw = field(9000), outputs(9000, attributes)
    results = []
    for count in (1, 2):
        threads.set_threads(count)
        results.append(with_gradients(posed, gaussians, raw, attributes, torch.float32))
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_what_does_not_fit_is_named():
    f, numbers = field(5), frame_numbers(HEAD, SHIFT, TORSO, SHIFT)
    parts = [f.means, f.log_scales, f.quats, f.opacities, f.colors, f.harmonics, None]
    with pytest.raises(ValueError, match=r"float32 \(5, 4\), got torch.float32 \(4, 4\)"):
        pose(*parts[:2], f.quats[:4], *parts[3:], None, numbers, MAX_SCALE)
    with pytest.raises(ValueError, match=r"float32 \(5,\), got torch.float64"):
        pose(*parts[:3], f.opacities.double(), *parts[4:], None, numbers, MAX_SCALE)
    with pytest.raises(ValueError, match="degree 0 or 1"):
        pose(*parts[:5], torch.zeros(5, 8, 3), None, None, numbers, MAX_SCALE)
    beyond = Outputs(torch.zeros(5, 4), (0, 3, -1, -1, -1), UNITS)
    with pytest.raises(ValueError, match="reach beyond"):
        pose(*parts, beyond, numbers, MAX_SCALE)


def test_no_gaussians():
    results = with_gradients(posed, field(0), outputs(0, ("scale",)), ("scale",), torch.float32)
    assert all(len(x) == 0 for x in results)
