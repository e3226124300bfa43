"""One browser for the tests of pages."""

import pytest

from tests.support.pages import started


@pytest.fixture(scope="package")
def browser():
    with started() as browser:
        yield browser
