"""The viewer in a real browser: the scene holds the Gaussians, and a slider changes the render."""

import io
import threading

import imageio.v3 as images
import numpy as np
import pytest

from tests.support.browser import needs_browser, started
from tests.support.view import make_speaker
from unigs.playback.cpu_player import make_player
from unigs.playback.cues import cues
from unigs.view.access import Address
from unigs.view.clip import read_clip
from unigs.view.files import files_of
from unigs.view.viewer import Viewer

pytest.importorskip("viser", reason="viser is not installed: the extra view")
pytestmark = needs_browser

PATIENCE = 60_000
"""Milliseconds that a page drawn without a GPU may take."""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    speaker = make_speaker(tmp_path_factory.mktemp("view"))
    clip = read_clip(files_of(speaker.variant, "unigs_plus"))
    made = Viewer(clip, "zoe/unigs_plus", "cpu", Address(port=0))
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def opened(viewer):
    """The page, what went wrong in it, and what it asked of whom."""
    with started() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 600})
        errors, asked = [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(viewer.url)
        page.get_by_text("dB").first.wait_for(timeout=PATIENCE)
        yield page, errors, asked
        assert not errors


def wait(page, condition):
    for _ in range(PATIENCE // 200):
        if condition():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it never came")


def square(page):
    """The middle of the scene as people see it, as high as wide, float [H,H,3] in [0,1]."""
    # What viser says of software rendering lies before the scene.
    page.evaluate(
        "document.querySelectorAll('.mantine-Notification-root').forEach(x => x.remove())"
    )
    box = page.locator("canvas").first.bounding_box()
    side = int(box["height"])
    left = box["x"] + (box["width"] - side) / 2
    clip = {"x": left, "y": box["y"], "width": side, "height": side}
    return images.imread(io.BytesIO(page.screenshot(clip=clip)))[..., :3] / 255


def seen(page):
    """Pixels in which something is drawn before the white, bool [H,H]."""
    return (square(page) < 0.9).any(2)


def picture(page):
    """The picture in the panel as people see it, a PNG."""
    return page.locator('img[src^="blob:"]').screenshot()


def psnr(a, b):
    return -10 * np.log10(np.mean((a - b) ** 2))


def test_the_scene_shows_the_gaussians_as_the_player_draws_them(viewer, opened):
    page, _, _ = opened
    portrait = viewer.field.portrait.resized(len(square(page)))
    [cue] = cues(portrait, viewer.field.performance[viewer.frame : viewer.frame + 1])
    image, alpha = make_player(portrait).render(cue)
    truth = np.clip(image + 1 - alpha, 0, 1)
    assert np.std(truth) > 0.1, "there is something to see"
    # viser lets splats fade in.
    wait(page, lambda: psnr(square(page), truth) > 30)
    assert psnr(square(page), truth[:, ::-1]) < 25
    viewer.panel.shape.value = "nothing"
    wait(page, lambda: not seen(page).any())


@pytest.mark.parametrize("shape", ["points", "ellipsoids"])
def test_other_shapes_lie_where_the_splats_do(viewer, opened, shape):
    page, _, _ = opened
    viewer.panel.shape.value = "splats"
    wait(page, lambda: square(page).min() < 0.3)
    splats = seen(page)
    viewer.panel.shape.value = "nothing"
    wait(page, lambda: not seen(page).any())
    viewer.panel.point.value, viewer.panel.shape.value = 4.0, shape
    wait(page, lambda: seen(page).sum() > 500)
    solids = seen(page)
    assert (solids & splats).sum() > 0.9 * solids.sum()


def test_a_slider_that_is_moved_changes_the_render_until_it_is_reset(viewer, opened):
    page, _, _ = opened
    before, own = picture(page), viewer.moment.render
    page.get_by_role("tab", name="Conditions").click()
    name = page.get_by_text("AU45 (0-5)").get_attribute("for", timeout=PATIENCE)
    slider = page.locator(f'[id="{name}"] [role="slider"]')
    slider.focus()
    assert viewer.panel.held == {}
    slider.press("End")
    wait(page, lambda: viewer.panel.held)
    wait(page, lambda: picture(page) != before)
    [control] = [c for c in viewer.field.controls if c.key == ("eyes", "AU45")]
    assert viewer.panel.held == {control.key: control.high}
    assert np.abs(viewer.moment.render.astype(int) - own).max() > 5
    page.get_by_role("button", name="Reset").click()
    wait(page, lambda: picture(page) == before)
    np.testing.assert_array_equal(viewer.moment.render, own)


def test_the_page_asks_nobody_else(viewer, opened):
    _, _, asked = opened
    assert asked
    assert not [x for x in asked if not x.startswith((viewer.url, "data:", "blob:"))]
