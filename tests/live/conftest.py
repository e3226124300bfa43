"""One browser for the tests of a module; and none of this without the extra `live`."""

import importlib.util

import pytest

from tests.support.browser import started

if importlib.util.find_spec("aiortc") is None or importlib.util.find_spec("aiohttp") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="module")
def browser():
    with started() as browser:
        yield browser
