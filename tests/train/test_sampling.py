"""Which training frames are drawn."""

from dataclasses import replace

import numpy as np

from unigs.face.lips import lip_shape
from unigs.subject.dataset import Dataset
from unigs.subject.features import ACTION_UNITS
from unigs.train.sampling import rare_frames


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
