"""A headless browser for pages, where there is one."""

import importlib.util
import os
import re
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


def contrast_of_errors(page: object, scheme: str) -> float:
    """How much brighter or darker than its ground is what `#status` says is wrong (WCAG)."""
    color = page.evaluate(
        "() => { const s = document.querySelector('#status'); s.classList.add('error');"
        " return getComputedStyle(s).color; }"
    )
    # Chromium's own ground of a page.
    grounds = {"light": [255] * 3, "dark": [0x12] * 3}
    letters = [int(x) for x in re.findall(r"\d+", color)[:3]]
    low, high = sorted(map(_luminance, (letters, grounds[scheme])))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: list[int]) -> float:
    shares = [x / 255 for x in color]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
