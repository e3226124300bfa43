"""The visible mark: where it is, that it can be seen, and that nothing else changes."""

import numpy as np
import pytest

from unigs.provenance.mark import VisibleMark

SIZES = [(64, 64), (256, 256), (480, 480), (720, 1280)]


@pytest.mark.parametrize("height, width", SIZES)
def test_frames_change_inside_the_mark_alone(height, width):
    rng = np.random.default_rng(0)
    mark = VisibleMark.of(height, width)
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    before = frame.copy()
    marked = mark.on(frame)
    assert np.array_equal(frame, before) and marked.dtype == np.uint8
    changed = (marked != frame).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert changed[mark.area].mean() > 0.9
    assert rows.max() < 0.3 * height and columns.min() > 0.6 * width, "upper right corner"
    changed[mark.area] = False
    assert not changed.any()


@pytest.mark.parametrize("height, width", SIZES[1:])
def test_it_covers_little(height, width):
    mark = VisibleMark.of(height, width)
    assert mark.alpha.size < 0.01 * height * width


@pytest.mark.parametrize("level", [0, 20, 128, 240, 255])
def test_letters_are_seen_on_any_ground(level):
    mark = VisibleMark.of(256, 256)
    seen = mark.on(np.full((256, 256, 3), level, np.uint8))[mark.area][..., 0].astype(int)
    letters, ground = seen[mark.alpha[..., 0] > 0.95], seen[2, seen.shape[1] // 2]
    assert len(letters) > 20 and np.median(letters) > 240
    assert np.median(letters) - ground > 120


def test_it_is_the_same_in_each_frame():
    """What it adds depends on the pixel below alone: equal pixels stay equal."""
    mark, other = VisibleMark.of(128, 128), VisibleMark.of(128, 128)
    frame = np.random.default_rng(1).integers(0, 256, (128, 128, 3), np.uint8)
    assert np.array_equal(mark.on(frame), other.on(frame))
    assert np.array_equal(mark.on(frame), mark.on(frame))
    still = np.full_like(frame, 70)
    assert np.array_equal(mark.on(still), mark.on(np.full_like(frame, 70)))
