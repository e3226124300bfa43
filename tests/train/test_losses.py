"""The losses of the paper against numbers computed by hand."""

import pytest
import torch

from unigs.model.deformation import Deltas
from unigs.train import losses


def test_l1_and_region_loss_against_hand_computed_numbers():
    truth = torch.zeros(40, 40, 3)
    image = truth.clone()
    image[:10, :10] = 0.5
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[:20, :20] = True
    assert losses.l1(image, truth).item() == pytest.approx(0.5 / 16)
    for over, share in (("frame", 16), ("region", 4)):
        terms = losses.l1_terms(image, truth, {"mouth": mask}, over)
        assert list(terms) == ["l1", "mouth"]
        assert terms["l1"].item() == pytest.approx(0.5 / 16)
        assert terms["mouth"].item() == pytest.approx(0.5 / share)


def test_motion_loss_counts_centimetres_and_only_what_is_deformed():
    deltas = Deltas(position=torch.full((4, 3), 0.01), scale=torch.full((4, 3), -0.5))
    assert losses.motion_loss(deltas).item() == pytest.approx(1.5)
    assert losses.motion_loss(Deltas()).item() == 0
