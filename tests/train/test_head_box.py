"""The box that the torso's pose leaves alone, on drawn regions and through the dynamic stage."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.support.stages import STATIC_RESULTS
from unigs.face.mesh import CHIN
from unigs.model.storage import load_portrait
from unigs.settings.dynamic import DynamicSettings
from unigs.subject.dataset import Dataset
from unigs.subject.labels import HAIR
from unigs.train.dynamic import DynamicTask
from unigs.train.head_box import FRAMES, HANGING_SHARE, hair_below_chin, head_box

CPU = torch.device("cpu")
SIDE = 20


def dataset(*pictures: tuple[slice, float]) -> SimpleNamespace:
    """Frames with hair in some rows and the chin at a height; asked for nothing but these."""
    masks, points = [], np.zeros((len(pictures), 478, 3))
    for k, (rows, chin) in enumerate(pictures):
        masks.append(torch.zeros(SIDE, SIDE, dtype=torch.bool))
        masks[-1][rows, 5:15] = True
        points[k, CHIN, 1] = chin

    def shows(frame: int, label: int) -> torch.Tensor:
        assert label == HAIR
        return masks[frame]

    shape = np.array([[-0.07, -0.08, -0.05], [0.06, 0.09, 0.04]], np.float32)
    return SimpleNamespace(
        shows=shows, landmarks=SimpleNamespace(points=points), poses=SimpleNamespace(shape=shape)
    )


def test_the_share_is_counted_in_pixels_below_the_chin():
    every = np.arange(3)
    bob, hanging = (slice(0, 8), 11.0), (slice(0, 16), 11.5)
    assert hair_below_chin(dataset(bob), every[:1]) == 0
    assert hair_below_chin(dataset(hanging), every[:1]) == pytest.approx(4 / 16)
    assert hair_below_chin(dataset(bob, hanging), every[:2]) == pytest.approx(4 / 24)
    lost, outside = (slice(0, 16), np.nan), (slice(0, 16), -3.0)
    assert hair_below_chin(dataset(hanging, lost), every[:2]) == pytest.approx(4 / 16)
    assert hair_below_chin(dataset(outside), every[:1]) == 1
    assert hair_below_chin(dataset((slice(0), 11.0)), every[:1]) == 0, "a bald head"
    assert hair_below_chin(dataset(bob, hanging, hanging), every[:1]) == 0, "other frames unseen"


def test_few_frames_of_a_long_clip_are_looked_at():
    made, seen = dataset((slice(0, 8), 11.0)), set()
    made.landmarks.points = np.repeat(made.landmarks.points, 1000, 0)
    made.shows = lambda frame, _: (seen.add(frame), torch.zeros(SIDE, SIDE, dtype=torch.bool))[1]
    hair_below_chin(made, np.arange(200, 1000))
    assert len(seen) == FRAMES and {min(seen), max(seen)} == {200, 999}


def test_it_reaches_three_centimeters_lower_where_hair_hangs():
    boxes = [head_box(dataset((slice(0, last), 11.0)), np.arange(1)) for last in (10, 11, 12, SIDE)]
    for low, high in boxes:
        assert low.tolist() == pytest.approx([-0.16, -0.22, -0.15])
        assert high[[0, 2]].tolist() == pytest.approx([0.15, 0.22])
    assert [float(high[1]) for _, high in boxes] == pytest.approx([0.12, 0.12, 0.15, 0.15])
    assert 0 < HANGING_SHARE < 1 / 12


def test_a_training_takes_the_box_of_its_training_frames(files, static_run):
    data, (portrait, *_) = Dataset(files), STATIC_RESULTS
    settings = DynamicSettings(grid_levels=2, body_blendshapes=True, lambda_lpips=0.0, device="cpu")
    task = DynamicTask(data, load_portrait(static_run / portrait, CPU), settings, CPU, lip_steps=1)
    motion = task.portrait.motion
    low, high = head_box(data, task.frames)
    assert torch.equal(motion.head_low, low) and torch.equal(motion.head_high, high)
