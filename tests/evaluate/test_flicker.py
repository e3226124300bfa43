"""Flicker."""

import numpy as np

from unigs.evaluate.flicker import Flicker
from unigs.evaluate.records import find, to_json


def flicker_of(frames, mask, follows=None):
    flicker = Flicker()
    follows = follows or [False] + [True] * (len(frames) - 1)
    for frame, joined in zip(frames, follows, strict=True):
        flicker.add(frame, {"hair": mask, "band": np.zeros_like(mask)}, joined)
    return find(to_json(flicker.records()), "flicker", "hair")


def gray(*levels):
    return [np.full((6, 6, 3), level, np.uint8) for level in levels]


def test_steady_motion_does_not_flicker():
    assert flicker_of(gray(10, 30, 50, 70, 90), np.ones((6, 6), bool))["value"] == 0


def test_trembling_flickers_by_its_second_difference():
    row = flicker_of(gray(0, 200, 0, 200), np.ones((6, 6), bool))
    assert row["value"] == 400 and row["frames"] == 2


def test_flicker_outside_the_region_does_not_count():
    frames = gray(10, 10, 10)
    frames[1] = frames[1].copy()
    frames[1][:, 3:] = 90
    mask = np.zeros((6, 6), bool)
    mask[:, :3] = True
    assert flicker_of(frames, mask)["value"] == 0
    assert flicker_of(frames, ~mask)["value"] == 160


def test_flicker_is_not_taken_across_a_cut():
    frames = gray(0, 0, 200, 200)
    row = flicker_of(frames, np.ones((6, 6), bool), [False, True, False, True])
    assert row["value"] is None and "three consecutive" in row["reason"]
