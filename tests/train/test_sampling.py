"""Which training frames are drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from unigs.face.lips import lip_shape
from unigs.subject.dataset import Dataset
from unigs.subject.features import ACTION_UNITS
from unigs.train.lip_guide import LipGuide
from unigs.train.sampling import FrameSampler, rare_frames


def test_few_blinks_and_shut_lips_are_drawn_as_often_as_open_mouths(files):
    dataset = Dataset(files)
    eyes = np.zeros_like(dataset.performance.eyes)
    dataset.performance = replace(dataset.performance, eyes=eyes)
    closed = dataset.train[[5, 60]]
    eyes[closed, ACTION_UNITS.index("AU45")] = 5.0
    drawn = rare_frames(dataset, dataset.train)
    blinks = sum(frame in closed for frame in drawn)
    assert set(closed) <= set(drawn) and len(set(drawn)) < len(dataset.train) / 4
    opening = lip_shape(dataset.landmarks.points)[:, 0]
    least = set(dataset.train[np.argsort(opening[dataset.train])][:7])
    shut = sum(frame in least for frame in drawn)
    assert min(blinks, shut) >= 0.25 * len(drawn)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_rare_frames_are_drawn_with_their_share_and_all_others_in_turn(share):
    rare = [100, 101, 101, 101]
    sampler = FrameSampler(np.arange(50), 0, rare, share)
    drawn = np.array([sampler.next() for _ in range(4000)])
    # Five standard deviations.
    assert abs((drawn >= 100).mean() - share) <= 5 * np.sqrt(share * (1 - share) / 4000)
    others, counts = np.unique(drawn[drawn < 100], return_counts=True)
    assert share == 1 or (len(others) == 50 and np.ptp(counts) <= 1)
    if share:
        assert (drawn == 101).sum() == pytest.approx(3 * (drawn == 100).sum(), rel=0.2)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_measured_lips_are_taught_with_their_share_where_a_face_was_found(share):
    """The number of a lip says where it is from: positive was measured, negative was heard."""
    measured = torch.arange(1.0, 5.0)[:, None].repeat(1, 2)
    heard = -measured
    measured[2, 1] = torch.nan
    guide = LipGuide(measured, heard, share)
    torch.manual_seed(0)
    codes = torch.stack([torch.cat([guide.code(frame) for frame in range(4)]) for _ in range(1000)])
    assert codes.shape == (1000, 4, 2) and torch.isfinite(codes).all()
    assert torch.equal(codes.abs(), torch.arange(1.0, 5.0)[:, None].expand(1000, 4, 2))
    assert (codes[:, 2] < 0).all(), "no face was found there"
    taught = (codes[:, [0, 1, 3], 0] > 0).double().mean().item()
    assert abs(taught - share) <= 5 * np.sqrt(share * (1 - share) / 3000)
