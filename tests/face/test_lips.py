"""Lips as a few numbers."""

import numpy as np
import pytest

from unigs.face.lips import lip_code, lip_points, lip_shape
from unigs.face.mesh import LIPS, MOUTH_CORNERS, MOUTH_OPENING


def face(frames=1, seed=0):
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(size=(1, 478, 3)) * 40, frames, 0)


def rotation(seed):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_lip_shape_ignores_where_the_head_is():
    points = face()
    moved = 1.7 * points @ rotation(1).T + [30, -20, 5]
    np.testing.assert_allclose(lip_shape(moved), lip_shape(points), rtol=1e-9)
    both = np.concatenate([points, moved])
    np.testing.assert_allclose(*lip_points(both), atol=1e-9)


def test_lip_shape_measures_opening_and_width():
    points = face(2)
    for upper, lower in MOUTH_OPENING:
        points[:, lower] = points[:, upper] + [0, 3, 0]
        points[1, lower] = points[1, upper] + [0, 6, 0]
    a, b = MOUTH_CORNERS
    points[:, b] = points[:, a] + [50, 0, 0]
    shape = lip_shape(points)
    assert shape[1, 0] == pytest.approx(2 * shape[0, 0])
    assert shape[1, 1] == pytest.approx(shape[0, 1])
    assert shape[0, 1] / shape[0, 0] == pytest.approx(50 / 3)


def test_lip_code_is_scaled_on_the_training_frames_and_finds_further_shapes():
    rng = np.random.default_rng(2)
    points = face(120)
    hidden = rng.normal(size=120)
    points[:, list(LIPS)] += rng.normal(size=(120, 1, 1)) * rng.normal(size=(len(LIPS), 3))
    pattern = rng.normal(size=(len(LIPS), 3)) * 5
    pattern[[LIPS.index(i) for i in (*MOUTH_CORNERS, *sum(MOUTH_OPENING, ()))]] = 0
    points[:, list(LIPS)] += hidden[:, None, None] * pattern
    points[7] = np.nan
    train = np.arange(100)
    code = lip_code(points, train, extra=1)
    assert code.shape == (120, 3) and np.isnan(code[7]).all()
    inside = np.delete(code[:100], 7, 0)
    np.testing.assert_allclose(inside.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(inside.std(0), 1, atol=1e-3)
    assert abs(np.corrcoef(inside[:, 2], np.delete(hidden[:100], 7))[0, 1]) > 0.95
