"""The deformation network against the layers of the paper, written out."""

from dataclasses import replace

import pytest
import torch

from unigs.model.deformation import DeformationNet, Encoded
from unigs.model.deltas import parse_attributes


def test_split_first_layer_equals_the_concatenation_of_the_paper():
    torch.manual_seed(0)
    net = DeformationNet(12, 7, ("position", "scale"), hidden=16)
    torch.nn.init.normal_(net.output.weight)
    features, conditions = torch.randn(9, 12), torch.randn(7)
    joined = torch.cat([features, conditions.expand(9, 7)], 1)
    weight = torch.cat([net.input_features.weight, net.input_conditions.weight], 1)
    hidden = torch.relu(joined @ weight.T + net.input_features.bias)
    expected = net.output(torch.relu(net.hidden(hidden)))
    encoded = Encoded([features[:, :8], features[:, 8:]])
    torch.testing.assert_close(net(encoded, conditions), expected)
    bias = net.input_conditions(conditions)
    torch.testing.assert_close(net.per_frame(net.fixed_part(encoded), bias), expected)


def test_shapes_are_linear_in_their_coefficients_and_stay_in_their_features():
    """Two lips' shapes on the last 3 features, 1 + 3 pose shapes on the first 5, MLP at zero."""
    torch.manual_seed(0)
    net = DeformationNet(8, 7, ("position",), 16, face_shapes=2, face_features=3,
                         pose_shapes=(1, 3), pose_features=5)  # fmt: skip
    gates, conditions = (torch.rand(9), torch.rand(9)), torch.randn(7)
    features = Encoded([torch.randn(9, 5), torch.randn(9, 3)], gates)
    for k in range(6):
        one = torch.nn.functional.one_hot(torch.tensor(k), 6).float()
        moved = net(features, conditions, one)
        torch.testing.assert_close(moved, net.shapes_at(net.fixed_part(features))[:, k])
        if k >= 2:  # as far as the gate of its group lets it through
            ungated = replace(features, pose_gates=(torch.ones(9), torch.ones(9)))
            let = gates[k > 2][:, None] * net(ungated, conditions, one)
            torch.testing.assert_close(moved, let)
        torch.testing.assert_close(net(features, conditions, -2 * one), -2 * moved)
        blind = Encoded(list(features.planes), gates)
        blind.planes[0 if k < 2 else 1] = torch.zeros(9, 5 if k < 2 else 3)
        torch.testing.assert_close(net(blind, conditions, one), moved)
    coefficients = torch.randn(6)
    together = torch.einsum("nsk,s->nk", net.shapes_at(net.fixed_part(features)), coefficients)
    torch.testing.assert_close(net(features, conditions, coefficients), together)


@pytest.mark.parametrize("planes", [1, 2])
def test_one_compiled_pass_equals_the_layers_in_torch(planes):
    """Values and every gradient, with shapes of both kinds on planes of their own or on one."""
    torch.manual_seed(0)
    widths = (6, 9)[:planes]
    net = DeformationNet(sum(widths), 7, ("position", "scale"), 16, face_shapes=2,
                         face_features=widths[-1], pose_shapes=(1, 3), pose_features=6)  # fmt: skip
    torch.nn.init.normal_(net.output.weight)
    gates, weights = (torch.rand(70), torch.rand(70)), torch.randn(70, 6)

    def run(forward):
        g = torch.Generator().manual_seed(1)
        inputs = [torch.randn(70, width, generator=g).requires_grad_() for width in widths]
        driven = [torch.randn(n, generator=g).requires_grad_() for n in (7, 6)]
        net.zero_grad()
        out = forward(Encoded(inputs, gates), *driven)
        (out * weights).sum().backward()
        leaves = [*inputs, *driven, *net.parameters()]
        return [out.detach(), *(x.grad.clone() for x in leaves)]

    fused, layers = run(net), run(net.by_layer)
    for one, other in zip(fused, layers, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=2e-5)


def test_unknown_attribute_is_named():
    assert parse_attributes("rotation, position") == ("position", "rotation")
    with pytest.raises(ValueError, match="hue"):
        parse_attributes("position,hue")
