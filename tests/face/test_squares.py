"""Squares follow the skull and nothing else."""

import numpy as np
import pytest

from tests.support.face_points import moving_points
from unigs.face.mesh import LIPS, RIGID
from unigs.face.squares import ACROSS, cut_square, face_squares, from_square


@pytest.fixture
def points() -> np.ndarray:
    face = moving_points()
    face[:, ACROSS[0], :2], face[:, ACROSS[1], :2] = (120, 140), (180, 140)
    return face


def test_lips_chin_and_lids_do_not_move_a_square(points):
    moved = points.copy()
    others = np.setdiff1d(np.arange(478), [*RIGID, *ACROSS])
    assert set(LIPS) <= set(others.tolist())
    moved[:, others] += 25
    np.testing.assert_array_equal(face_squares(moved, 4, 1), face_squares(points, 4, 1))


def test_squares_move_grow_and_roll_with_the_head(points):
    x, y, side = face_squares(points, 4, 1)[0]
    skull = points[0, list(RIGID)].astype(float)
    unit = np.sqrt(np.square(skull - skull.mean(0)).sum(1).mean())
    assert (x, side) == pytest.approx((skull[:, 0].mean(), 4 * unit))
    assert y == pytest.approx(skull[:, 1].mean() + unit)
    twice = face_squares(2 * points + np.float32([10, 20, 0]), 4, 1)[0]
    np.testing.assert_allclose(twice, [2 * x + 10, 2 * y + 20, 2 * side], rtol=1e-6)
    # A quarter turn to the right: down the face is to the left of the picture.
    turned = np.stack([-points[..., 1], points[..., 0], points[..., 2]], -1)
    np.testing.assert_allclose(face_squares(turned, 4, 1)[0], [-y, x, side], rtol=1e-6)


def test_a_lost_face_is_where_its_neighbors_say(points):
    points += np.arange(len(points), dtype=np.float32)[:, None, None]
    full = face_squares(points, 4, 1)
    points[5], points[0] = np.nan, np.nan
    got = face_squares(points, 4, 1)
    np.testing.assert_allclose(got[5], full[5], rtol=1e-5)
    np.testing.assert_array_equal(got[0], got[1])
    assert np.isnan(face_squares(np.full_like(points, np.nan), 4, 1)).all()


def test_a_cut_shows_the_square_and_points_come_back():
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:24, 40:44] = 255
    square = np.array([42.0, 22.0, 8.0])  # the white box in its middle half
    cut = cut_square(image, square, 16)
    assert (cut[4:12, 4:12] > 100).all() and cut[:3].max() == 0 and cut[:, 13:].max() == 0
    assert cut_square(image, np.array([0.0, 0, 8]), 4, outside=110)[0, 0].tolist() == [110] * 3
    back = from_square(np.array([[[0, 0], [0.5, 0.5], [1, 0.25]]]), square[None])
    np.testing.assert_allclose(back, [[[38, 18], [42, 22], [46, 20]]])
