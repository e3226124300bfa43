"""Fixtures of the tests of evaluation."""

import numpy as np
import pytest

from tests.support.face_points import moving_points


@pytest.fixture
def points() -> np.ndarray:
    """Landmarks of a face whose mouth and eyes open and close on their own clocks."""
    return moving_points()
