"""The Gaussian filter is SciPy's, to the bit."""

import numpy as np
import pytest
from scipy import ndimage

from unigs.media.gaussian import gaussian_filter1d


@pytest.mark.parametrize(("ours", "scipys"), [("symmetric", "reflect"), ("edge", "nearest")])
@pytest.mark.parametrize(("shape", "axis", "sigma"), [((300,), 0, 1.3), ((7, 40), 1, 2.5),
                                                      ((32, 32, 32), 1, 1.0)])  # fmt: skip
def test_it_is_scipys(ours, scipys, shape, axis, sigma):
    values = np.random.default_rng(0).normal(size=shape)
    expected = ndimage.gaussian_filter1d(values, sigma, axis=axis, mode=scipys)
    np.testing.assert_array_equal(gaussian_filter1d(values, sigma, axis, ours), expected)
