"""The losses of the paper against numbers computed by hand."""

import pytest
import torch

from unigs.model.deltas import ATTRIBUTES, Deltas, NetworkDeltas, parse_attributes
from unigs.train import losses


def test_l1_and_region_loss_against_hand_computed_numbers():
    truth = torch.zeros(40, 40, 3)
    image = truth.clone()
    image[:10, :10] = 0.5
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[:20, :20] = True
    assert losses.l1(image, truth).item() == pytest.approx(0.5 / 16)
    for over, share in (("frame", 16), ("region", 4)):
        terms = losses.l1_terms(image, truth, {"mouth": (mask, 3.0)}, over)
        assert list(terms) == ["l1", "mouth"]
        assert terms["l1"].item() == pytest.approx(0.5 / 16)
        assert terms["mouth"].item() == pytest.approx(3 * 0.5 / share)
        assert list(losses.l1_terms(image, truth, {}, over)) == ["l1"]


def test_a_region_of_next_to_nothing_does_not_outweigh_the_frame():
    """A shut mouth of three pixels counts as sixteen, one of none adds nothing."""
    truth, mask = torch.zeros(8, 8, 3), torch.zeros(8, 8, dtype=torch.bool)
    mask[0, :3] = True
    regions = {"mouth": (mask, 1.0), "hair": (torch.zeros_like(mask), 1.0)}
    terms = losses.l1_terms(truth + 0.5, truth, regions, "region")
    assert terms["mouth"].item() == pytest.approx(0.5 * 3 / 16) and terms["hair"].item() == 0


def test_motion_loss_counts_centimetres_and_only_what_is_deformed():
    deltas = Deltas(position=torch.full((4, 3), 0.01), scale=torch.full((4, 3), -0.5))
    assert losses.motion_loss(deltas).item() == pytest.approx(1.5)
    assert losses.motion_loss(Deltas()).item() == 0


@pytest.mark.parametrize(
    "deform", ["position,scale,rotation,opacity,color", "rotation,opacity", ""]
)
def test_motion_loss_of_a_network_is_that_of_the_deltas_it_makes(deform):
    """Value and gradient of the one pass over the outputs, against the deltas taken apart."""
    attributes = parse_attributes(deform)
    width = sum(ATTRIBUTES[name] for name in attributes)
    raw = torch.randn(50, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = []
    for apart in (False, True):
        leaf = raw.clone().requires_grad_()
        deltas = NetworkDeltas(leaf, attributes, (0.01, 0.1))
        if apart:
            deltas = Deltas(*(getattr(deltas, name) for name in ATTRIBUTES))
        loss = losses.motion_loss(deltas)
        if deform:
            loss.backward()
        found.append((loss.detach().double(), leaf.grad))
    assert not deform or found[0][0] > 0.1
    torch.testing.assert_close(*found)


def test_one_frame_is_its_own_mean_and_the_total_reaches_every_term():
    frames = [
        {"a": torch.tensor(1.0), "b": torch.tensor(2.0)},
        {"a": torch.tensor(4.0), "b": torch.tensor(5.0)},
    ]
    assert losses.mean_terms(frames) == {"a": 2.5, "b": 3.5}
    assert losses.mean_terms(frames[:1]) == frames[0]
    leaves = {
        name: torch.tensor(value, requires_grad=True) for name, value in (("a", 2.0), ("b", 3.0))
    }
    whole = losses.total(leaves)
    whole.backward()
    assert whole.item() == 5 and all(leaf.grad == 1 for leaf in leaves.values())
