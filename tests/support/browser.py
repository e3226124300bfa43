"""A headless browser for pages, where there is one."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""Programs that playwright can drive, looked for on PATH; UNIGS_TEST_BROWSER names another one."""
PROGRAM = next(filter(None, map(which, [os.environ.get("UNIGS_TEST_BROWSER", ""), *NAMES])), "")
ARGUMENTS = [
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]  # fmt: skip
"""How Chromium draws without a GPU, and plays without a click."""
needs_browser = pytest.mark.skipif(
    not PROGRAM or importlib.util.find_spec("playwright") is None,
    reason="no Chromium on PATH nor in UNIGS_TEST_BROWSER, or playwright is not installed",
)


@contextmanager
def started() -> Iterator[object]:
    """A browser without a window. One at a time: its loop is the thread's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
