"""Shapes, colors and pictures against closed forms."""

import numpy as np
import pytest
from matplotlib import colormaps
from scipy.spatial.transform import Rotation

from unigs.subject.labels import COLORS, FACE, HAIR, MOUTH, TORSO
from unigs.view import colors
from unigs.view.coloring import COLORINGS, DEFORMATION, OWN, REGION, legend
from unigs.view.pictures import ALL, DIFFERENCE, GAIN, GAP, decibels, picture
from unigs.view.shapes import ball, covariances, matrices

RNG = np.random.default_rng(0)


def test_matrices_are_those_of_scipy():
    quats = RNG.normal(size=(50, 4))
    quats /= np.linalg.norm(quats, axis=1)[:, None]
    truth = Rotation.from_quat(quats[:, [1, 2, 3, 0]]).as_matrix()
    np.testing.assert_allclose(matrices(quats), truth, atol=1e-12)


def test_a_covariance_has_the_squares_of_the_axes():
    quats = RNG.normal(size=(20, 4))
    quats /= np.linalg.norm(quats, axis=1)[:, None]
    scales = RNG.uniform(0.1, 3, (20, 3))
    found = np.linalg.eigvalsh(covariances(quats, scales))
    np.testing.assert_allclose(found, np.sort(scales**2, 1), rtol=1e-9)


def test_the_ball_is_closed_and_seen_from_outside():
    vertices, faces = ball()
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1)
    directed = {(f[k], f[(k + 1) % 3]) for f in faces for k in range(3)}
    # Each edge is passed once in each direction, and V - E + F = 2.
    assert len(directed) == 3 * len(faces) and {(b, a) for a, b in directed} == directed
    assert len(vertices) - len(directed) // 2 + len(faces) == 2
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a) > 0).all()


def test_regions_have_the_colors_of_the_preparation():
    found = colors.by_region(np.array([FACE, MOUTH, HAIR, TORSO]) - 1)
    np.testing.assert_array_equal(found, COLORS[[FACE, MOUTH, HAIR, TORSO]])
    [left] = colors.by_region(np.array([4], np.uint8))
    assert len(set(left)) == 1, "a Gaussian in no region is gray"


def test_numbers_run_through_the_map_and_stop_at_its_ends():
    found = colors.by_number(np.array([-1.0, 0.0, 1.0, 2.0, 9.0]), 0, 2)
    ends = [colormaps["viridis"](x)[:3] for x in (0.0, 0.0, 0.5, 1.0, 1.0)]
    np.testing.assert_allclose(found / 255, ends, atol=0.5 / 255)
    assert (colors.by_number(np.ones(3), 0, 0) == found[0]).all(), "nothing moves: one color"


def test_legends_name_the_regions_and_the_end_of_the_scale():
    assert legend(OWN, 1) == ""
    assert all(name in legend(REGION, 1) for name in ("face", "mouth", "hair", "torso"))
    assert "7.1 mm" in legend(DEFORMATION, 0.0071)
    assert all(COLORINGS[name] in legend(name, 1) for name in COLORINGS)


def test_decibels_of_a_known_error():
    truth = RNG.integers(0, 200, (8, 8, 3)).astype(np.uint8)
    assert decibels(truth, truth + 51) == pytest.approx(20 * np.log10(5))
    assert decibels(truth, truth) == np.inf


def test_the_sheet_holds_truth_render_difference_and_regions():
    truth = RNG.integers(100, 120, (6, 8, 3)).astype(np.uint8)
    render = truth + np.uint8(9)
    labels = np.full((6, 8), MOUTH, np.uint8)
    sheet = picture(ALL, truth, render, labels)
    np.testing.assert_array_equal(sheet[:6, :8], truth)
    np.testing.assert_array_equal(sheet[:6, 8 + GAP :], render)
    assert (sheet[6 + GAP :, :8] == 9 * GAIN).all()
    tint = (truth * 0.5 + COLORS[MOUTH] * 0.5).astype(np.uint8)
    np.testing.assert_array_equal(sheet[6 + GAP :, 8 + GAP :], tint)
    bare = picture(ALL, truth, render, None)
    np.testing.assert_array_equal(bare[6 + GAP :, 8 + GAP :], truth)


def test_a_large_difference_is_white_whichever_is_brighter():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    for a, b in ((black, white), (white, black)):
        assert (picture(DIFFERENCE, a, b, None) == 255).all()
