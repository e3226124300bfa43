"""Lips as a few numbers."""

import numpy as np
import pytest

from unigs.face.lips import lip_code, lip_points, lip_shape, without_smile
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


def test_a_smile_is_taken_out_of_the_width_and_the_opening_stays():
    rng = np.random.default_rng(3)
    said, opening, smile = rng.normal(size=(3, 400))
    code = np.stack([opening + 0.5 * smile, 0.6 * said + 0.8 * smile], 1)
    code[5], smile[6] = np.nan, np.nan
    train = np.arange(300)
    spoken = without_smile(code, 2 * smile + 3, train)
    assert np.isnan(spoken[[5, 6], 1]).all()
    known = np.delete(np.arange(400), [5, 6])
    assert np.corrcoef(spoken[known, 1], said[known])[0, 1] > 0.99
    assert spoken[known[:298], 1].std() == pytest.approx(1, abs=1e-3)
    # Closed lips are closed whoever smiles: the opening is scaled alone.
    assert np.corrcoef(spoken[known, 0], code[known, 0])[0, 1] == pytest.approx(1)


def test_where_nobody_smiles_nothing_is_taken_out():
    code = np.random.default_rng(4).normal(size=(200, 2))
    spoken = without_smile(code, np.zeros(200), np.arange(200))
    np.testing.assert_allclose(spoken, code / code.std(0), atol=1e-5)
