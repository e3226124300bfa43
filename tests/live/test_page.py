"""The page in headless Chromium: it watches, writes, sends files, speaks and interrupts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.live_client import StampedEngine
from tests.support.browser import contrast_of_errors, needs_browser
from tests.support.live import SOUND_RATE, Tone, encoder, engine, serving, wav
from tests.support.sounds import voice
from unigs.live import server as module
from unigs.provenance.statement import SYNTHETIC

pytestmark = needs_browser

COLORS = """() => {
  const video = document.querySelector('video'), canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
}"""


@contextmanager
def server() -> Iterator[object]:
    """A server that runs in a thread."""
    box, ready, done = {}, threading.Event(), threading.Event()

    async def work():
        async with serving(Tone(), made=engine(StampedEngine, hears=encoder())) as running:
            box["server"] = running
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield box["server"]
    finally:
        done.set()
        thread.join()


class Tab:
    """The page, and what it did that it must not do."""

    def __init__(self, page, address):
        self.page, self.errors, self.requests = page, [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(address)
        self.wait("live.connection && live.connection.connectionState === 'connected'")
        self.wait("document.querySelector('video').videoWidth > 0")

    def wait(self, condition, seconds=20):
        self.page.wait_for_function(f"() => {condition}", timeout=seconds * 1000, polling=50)

    def picture(self):
        return np.array(self.page.evaluate(COLORS), np.uint8).reshape(48, 48, 4)[..., :3]

    def status(self):
        return self.page.inner_text("#status")


@pytest.fixture(scope="module")
def running():
    with server() as running:
        yield running


@pytest.fixture
def tab(running, browser):
    context = browser.new_context(permissions=["microphone"])
    tab = Tab(context.new_page(), f"http://127.0.0.1:{running.port}/")
    yield tab
    assert not tab.errors
    assert {url.split("/")[2] for url in tab.requests} <= {f"127.0.0.1:{running.port}", ""}
    context.close()
    running.engine.interrupt()


def test_it_shows_the_portrait_and_says_what_it_is(tab):
    assert SYNTHETIC in tab.page.inner_text(".notice") and tab.page.is_visible(".notice")
    assert "<Zoe>" in tab.page.inner_text("h1")
    first = tab.picture().astype(float)
    assert first.std() > 5
    tab.page.wait_for_timeout(600)
    assert np.abs(tab.picture() - first).mean() > 0.3, "it moves"


def test_what_is_written_is_said_and_interrupted(tab, running):
    for _ in range(4):
        tab.page.fill("#text", "Hello")
        tab.page.click("#say")
        tab.wait("document.querySelector('#text').value === ''")
    tab.wait("live.state && live.state.saying === 'the text'")
    assert running.engine.seconds > 1
    assert "s queued" in tab.page.inner_text("#figures")
    tab.page.click("#interrupt")
    tab.wait("live.state && live.state.queued_seconds === 0", 5)
    assert running.engine.seconds == 0


def test_what_is_written_meanwhile_stays(tab, running):
    going, speak = threading.Event(), Tone().speak
    # For long enough that a browser on a busy machine sees it being said.
    running.synthesis.speak = lambda text: (going.wait(20), np.tile(speak(text), 5))[1]
    try:
        tab.page.fill("#text", "Hello")
        tab.page.click("#say")
        tab.page.fill("#text", "And then")
        going.set()
        tab.wait("live.state && live.state.saying === 'the text'")
        tab.page.wait_for_timeout(200)
        assert tab.page.input_value("#text") == "And then"
    finally:
        del running.synthesis.speak


def test_a_file_is_said_and_what_is_none_is_told(tab, running, tmp_path):
    wav(voice(3.0), tmp_path)
    tab.page.set_input_files("#file", tmp_path / "made.wav")
    tab.wait("live.state && live.state.saying === 'made.wav'")
    (tmp_path / "letter.txt").write_text("Dear Zoe")
    tab.page.set_input_files("#file", tmp_path / "letter.txt")
    tab.page.wait_for_selector("#status.error")
    assert "letter.txt holds no sound that can be read" in tab.status()
    # What the browser itself says of an answer 400.
    tab.errors[:] = [e for e in tab.errors if "status of 400" not in e]


def test_the_microphone_is_heard_and_the_page_says_how_late(tab, running):
    """Chromium's made-up microphone beeps."""
    tab.page.click("#listen")
    assert not tab.page.evaluate("document.querySelector('video').muted")
    tab.page.click("#microphone")
    tab.wait("live.microphone && live.state && live.state.microphone")
    assert tab.page.evaluate("document.querySelector('video').muted"), "no echo"
    tab.wait("live.latency > 0", 30)
    latency = tab.page.evaluate("live.latency")
    shown = tab.page.inner_text("#figures")
    assert 100 < latency < 10_000 and "from sound in to picture out" in shown
    said = running.engine.queue[0]
    assert said.length > SOUND_RATE // 4 and said.hurried
    tab.page.click("#microphone")
    tab.wait("live.state && !live.state.microphone")
    assert not tab.page.evaluate("document.querySelector('video').muted")


ASKED = """() => {
  // A browser that asks first: what it gives waits until somebody says yes.
  const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.given = [];
  window.yes = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    await new Promise((resolve) => window.yes.push(resolve));
    const media = await asked(wanted);
    window.given.push(media);
    return media;
  };
  window.open = () => window.given.filter((media) => media.active).length;
}"""


def test_a_second_click_while_the_browser_asks_takes_the_microphone_back(tab):
    tab.page.evaluate(ASKED)
    tab.page.dblclick("#microphone")
    tab.page.evaluate("yes[0]()")
    tab.wait("given.length === 1 && open() === 0")
    assert tab.page.evaluate("live.microphone === null && yes.length === 1")
    # One that was given up while the browser asked takes nothing from the next one.
    for _ in range(3):
        tab.page.click("#microphone")
    tab.page.evaluate("yes[2]()")
    tab.wait("live.microphone.socket && live.state && live.state.microphone")
    tab.page.evaluate("yes[1]()")
    tab.wait("given.length === 3 && open() === 1")
    tab.wait("document.querySelector('#microphone').getAttribute('aria-pressed') === 'true'")
    tab.page.click("#microphone")
    tab.wait("open() === 0 && !live.state.microphone")
    assert not tab.status()


def test_a_microphone_that_cannot_be_used_is_closed_and_told(tab):
    tab.page.evaluate(ASKED)
    tab.page.evaluate(
        "() => { AudioContext.prototype.createMediaStreamSource ="
        " () => { throw new Error('other rate'); }; }"
    )
    tab.page.click("#microphone")
    tab.page.evaluate("yes[0]()")
    tab.wait("document.querySelector('#status').textContent === 'other rate'")
    assert tab.page.evaluate("open() === 0 && live.microphone === null")
    tab.wait("live.state && !live.state.microphone")
    tab.page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    tab.page.click("#microphone")
    assert "to https and to pages of this machine alone" in tab.status()


def test_who_is_turned_away_leaves_no_connection_open(tab, monkeypatch):
    monkeypatch.setattr(module, "MOST_VIEWERS", 0)
    tab.page.evaluate("window.turned = live.connection; again(turned)")
    tab.wait("live.connection !== turned && document.querySelector('#status.error')")
    tab.wait("document.querySelector('#status').textContent.includes('watch already')")
    assert tab.page.evaluate("live.connection.signalingState") == "closed"
    monkeypatch.undo()
    tab.wait("live.connection.connectionState === 'connected'")
    # What the browser itself says of an answer 503.
    tab.errors[:] = [e for e in tab.errors if "status of 503" not in e]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(running, browser, scheme):
    size = {"width": 360, "height": 740}
    context = browser.new_context(viewport=size, color_scheme=scheme)
    tab = Tab(context.new_page(), f"http://127.0.0.1:{running.port}/")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert contrast_of_errors(tab.page, scheme) > 4.5
    context.close()
