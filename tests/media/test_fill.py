"""Pictures with holes."""

import numpy as np

from unigs.media.fill import fill_holes


def test_holes_are_filled_smoothly():
    image = (
        np.repeat(np.linspace(50, 200, 64)[None], 64, 0)[..., None].repeat(3, 2).astype(np.uint8)
    )
    hole = np.zeros((64, 64), bool)
    hole[20:44, 20:44] = True
    broken = np.where(hole[..., None], 0, image).astype(np.uint8)
    filled = fill_holes(broken, hole)
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    assert np.abs(filled.astype(int) - image)[hole].mean() < 15
    steps = np.abs(np.diff(filled.astype(int), axis=1)).max()
    assert steps < 25  # no seam
    assert (fill_holes(image, np.ones_like(hole)) == 128).all()
