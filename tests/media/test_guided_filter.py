"""Masks smoothed by the picture that they belong to."""

import numpy as np

from unigs.media.guided_filter import GuidedFilter


def test_guided_filter_is_exact_for_linear_functions_of_its_guide():
    guide = np.random.default_rng(0).integers(0, 256, (40, 48, 3)).astype(np.uint8)
    mask = (guide / 255 @ [0.2, 0.5, 0.3]).astype(np.float32)
    np.testing.assert_allclose(GuidedFilter(guide, 3, 1e-9, reduce=1)(mask), mask, atol=1e-4)
    smooth = GuidedFilter(guide, 3, 1e-3)(np.full((40, 48), 0.7))
    np.testing.assert_allclose(smooth, 0.7, atol=1e-5)


def test_guided_filter_puts_a_coarse_edge_onto_the_image_edge():
    guide = np.full((64, 64, 3), 40, np.uint8)
    guide[:, 30:] = 200
    coarse = np.clip((np.arange(64) - 22) / 20, 0, 1)[None].repeat(64, 0)  # crosses 0.5 at 32
    fine = GuidedFilter(guide, 8, 1e-3)(coarse)
    rise = np.abs(np.diff(fine[32]))
    assert rise.argmax() == 29 and rise.max() > 5 * np.abs(np.diff(coarse[32])).max()
