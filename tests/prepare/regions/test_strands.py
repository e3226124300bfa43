"""What hangs from hair, on drawn strips."""

import numpy as np
import pytest

from unigs.prepare.regions.strands import favor_strands, reached, steps_down

ROWS, COLUMNS, CHIN = 80, 60, 30
HEIGHT = np.broadcast_to((np.arange(ROWS)[:, None] - CHIN) / 200 + 0.08, (ROWS, COLUMNS))
"""Meters below the origin: 5 mm a row, paths may start above row CHIN."""
STRAND, JACKET, SHOULDER = np.s_[:, 20:30], np.s_[:, 33:40], np.s_[:, 5:12]


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, person and hair: a strand that grows ever brighter, and below the chin a jacket
    beside it and a shoulder with nothing but background above it, as dark as the strand above."""
    image = np.full((ROWS, COLUMNS, 3), 230, np.uint8)
    image[STRAND] = (60 + 1.5 * np.arange(ROWS))[:, None, None]
    image[CHIN:, 33:40], image[CHIN:, 5:12] = 60, 60
    person = np.zeros((ROWS, COLUMNS))
    person[STRAND] = 1
    person[CHIN:, 33:40], person[CHIN:, 5:12], person[CHIN:, 30:33] = 1, 1, 1
    hair = np.zeros((ROWS, COLUMNS))
    hair[:CHIN, 20:30] = 1
    return image, person, hair


def test_a_strand_is_followed_to_its_end_whatever_its_color():
    image, person, hair = scene()
    got = reached(steps_down(image, person), hair, HEIGHT)
    assert got.shape == (ROWS, COLUMNS) and got.min() >= 0 and got.max() <= 1
    assert got[STRAND].min() > 0.9
    assert got[CHIN + 5 :, 33:40].max() < 0.1  # an edge lies between
    assert got[CHIN + 5 :, 5:12].max() < 0.01  # no person above


def test_a_path_costs_what_a_search_over_all_paths_finds():
    rng = np.random.default_rng(0)
    rows, columns = 6, 4
    steps = rng.uniform(0, 5, (3, rows, columns)).astype(np.float32)
    steps[:, 0] = 0
    height = np.broadcast_to(np.where(np.arange(rows)[:, None] < 2, 0.04, 0.12), (rows, columns))
    hair = rng.uniform(0.2, 1, (rows, columns))

    def least(row: int, column: int) -> float:
        own = -8 * np.log(hair[row, column]) if row < 2 else np.inf
        ways = [
            least(row - 1, column + slope) + steps[slope + 1, row, column]
            for slope in (-1, 0, 1)
            if row > 0 and 0 <= column + slope < columns
        ]
        return min([own, *ways])

    expected = [[np.exp(-least(r, c) / 8) for c in range(columns)] for r in range(rows)]
    np.testing.assert_allclose(reached(steps, hair, height), expected, rtol=1e-5, atol=6e-4)


def test_probabilities_follow_the_strand_below_the_chin_only():
    image, person, hair = scene()
    steps, even = steps_down(image, person), np.full((ROWS, COLUMNS), 1 / 3)
    even[:CHIN] = np.where(hair[:CHIN] > 0, 0.9, 1 / 3)
    shares = [(1 - even) / 2, even, (1 - even) / 2]
    got = favor_strands(shares, steps, person, HEIGHT)
    np.testing.assert_allclose(sum(got), 1, atol=1e-6)
    assert got[1][CHIN + 5 :, 20:30].min() > 0.6
    assert got[1][CHIN + 5 :, 33:40].max() < 0.2 and got[1][CHIN + 5 :, 5:12].max() < 0.1
    above = HEIGHT < 0.03
    for before, after in zip(shares, got, strict=True):
        np.testing.assert_allclose(after[above], before[above], atol=1e-6)


def test_without_a_pixel_below_the_chin_nothing_changes():
    image, person, _ = scene()
    shares = [np.full((ROWS, COLUMNS), p) for p in (0.2, 0.5, 0.3)]
    high = np.full((ROWS, COLUMNS), -0.1)
    for before, after in zip(
        shares, favor_strands(shares, steps_down(image, person), person, high), strict=True
    ):
        assert after == pytest.approx(before, abs=1e-6)
