"""One browser for the tests of a module: its loop may not live on in other modules' tests."""

import pytest

from tests.support.browser import started


@pytest.fixture(scope="module")
def browser():
    with started() as browser:
        yield browser
