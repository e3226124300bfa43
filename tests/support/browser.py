"""A headless browser for the page, where there is one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""Programs that playwright can drive, looked for on PATH."""
ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu"]


@contextmanager
def browser() -> Iterator[object]:
    """A browser that playwright drives; skips the test where there is none.

    UNIGS_TEST_BROWSER names a program that is not on PATH.
    """
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = [os.environ.get("UNIGS_TEST_BROWSER", ""), *NAMES]
    program = next((path for name in names if name and (path := which(name))), None)
    if program is None:
        pytest.skip("no chromium on PATH, and UNIGS_TEST_BROWSER names none")
    with sync.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield opened
        finally:
            opened.close()
