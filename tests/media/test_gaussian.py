"""The Gaussian filter is SciPy's, to the bit."""

import numpy as np
import pytest
from scipy import ndimage

from unigs.media.gaussian import gaussian_filter1d, smooth_parts


@pytest.mark.parametrize(("ours", "scipys"), [("symmetric", "reflect"), ("edge", "nearest")])
@pytest.mark.parametrize(("shape", "axis", "sigma"), [((300,), 0, 1.3), ((7, 40), 1, 2.5),
                                                      ((32, 32, 32), 1, 1.0)])  # fmt: skip
def test_it_is_scipys(ours, scipys, shape, axis, sigma):
    values = np.random.default_rng(0).normal(size=shape)
    expected = ndimage.gaussian_filter1d(values, sigma, axis=axis, mode=scipys)
    np.testing.assert_array_equal(gaussian_filter1d(values, sigma, axis, ours), expected)


def test_every_part_is_smoothed_by_itself():
    values, parts = np.random.default_rng(0).normal(size=(30, 2)), np.repeat([0, 1, 3], [12, 17, 1])
    whole = smooth_parts(values, 1.5)
    np.testing.assert_array_equal(whole, gaussian_filter1d(values, 1.5, 0))
    apart = smooth_parts(values, 1.5, parts, "edge")
    for rows in (slice(12), slice(12, 29), slice(29, 30)):
        expected = ndimage.gaussian_filter1d(values[rows], 1.5, axis=0, mode="nearest")
        np.testing.assert_array_equal(apart[rows], expected)
    assert smooth_parts(values, 0.0, parts) is values
