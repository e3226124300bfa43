"""Normalized conditions of the deformation."""

import numpy as np
import torch

from unigs.model.anchor import Body
from unigs.model.conditions import ZScore, body_vector


def test_zscore_normalises_keeps_constants_and_limits_strangers():
    norm = ZScore.of(np.array([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]]))
    torch.testing.assert_close(norm(torch.tensor([4.0, 7.0])), torch.tensor([1.0, 0.0]))
    assert norm(torch.tensor([1000.0, 7.0]))[0] == ZScore.LIMIT
    wide = ZScore.of(np.array([[0.0], [2.0], [4.0]]), limit=12.0)
    assert wide(torch.tensor([1000.0]))[0] == 12.0


def test_the_torso_is_told_by_its_turn_its_place_and_its_arms():
    rest = torch.tensor([0.1, 0.2, 0.9])
    told = body_vector(Body(torch.eye(3), rest, torch.tensor([0.03, -0.01])))
    torch.testing.assert_close(told, torch.tensor([1, 1, 0, 0.1, 0.2, 0.9, 0.03, -0.01]))
    assert body_vector(Body(torch.eye(3), rest))[6:].tolist() == [0, 0]
