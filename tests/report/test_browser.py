"""The page in a real browser: videos play, methods switch, the slider moves all in step."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from tests.support.browser import needs_browser, started
from tests.support.runs import table_of, write_run
from unigs.media.video import VideoWriter
from unigs.report.gallery import gallery

pytestmark = needs_browser
FRAMES = 50
SUBJECTS = ("ann", "bob", "cyd", "dot", "eve", "fay", "gus", "hal")
VARIANTS = ("unigs", "unigs_plus", "er_nerf", "masked_plus")
PHONE = {"width": 390, "height": 844}
HEARD = """[...document.querySelectorAll('video')]
    .filter(v => v.preload !== 'none').every(v => v.readyState > 0)"""
"""Every video that asks for its file by itself has read its head."""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """The page of eight subjects and four methods, with test videos and figures per frame."""
    root = tmp_path_factory.mktemp("it's a site") / "results"
    runs, rng = [], np.random.default_rng(0)
    for subject in SUBJECTS:
        for level, variant in enumerate(VARIANTS):
            folder = write_run(root, subject, variant, 24.0 + level)
            with VideoWriter(folder / "video.mp4", 256, 128, 25, "preview") as writer:
                for k in range(FRAMES):
                    writer.write(np.full((128, 256, 3), 4 * k + level, np.uint8))
            values = {"frame": np.arange(500, 500 + FRAMES), "psnr_full": 24 + rng.random(FRAMES)}
            values |= {"lpips": rng.random(FRAMES) / 9}
            table = pd.DataFrame(values)
            table.loc[3, "lpips"] = np.nan
            table.to_csv(folder / "frames.csv", index=False)
            runs.append(folder)
    talk = root / "ann/unigs/drive/hello.mp4"
    talk.parent.mkdir()
    with VideoWriter(talk, 128, 128, 25, "preview") as writer:
        for k in range(FRAMES):
            writer.write(np.full((128, 128, 3), 200 - k, np.uint8))
    (root / "tables").mkdir()
    table_of(root / "tables", runs)
    metrics = tuple(folder / "metrics.json" for folder in runs)
    gallery(metrics, root / "index.html", drives=(talk,), tables=(root / "tables/table.csv",))
    return root / "index.html"


@contextmanager
def opened(page_file, **options):
    """The page; what it asked for and complained of is collected at .asked and .faults."""
    with started() as program:
        page = program.new_page(**options)
        page.set_default_timeout(120_000)  # other tests may have both cores
        page.asked, page.faults = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
        page.goto(page_file.as_uri())
        yield page


def shown(card):
    """Numbers of the videos that can be seen."""
    return card.evaluate(
        "c => [...c.querySelectorAll('.stage figure')].flatMap((f, k) => f.offsetWidth ? [k] : [])"
    )


def times(card):
    return card.evaluate("c => [...c.querySelectorAll('.stage video')].map(v => v.currentTime)")


@pytest.mark.parametrize("number", [0, 7])
def test_videos_play_and_the_slider_follows(page_file, number):
    with opened(page_file) as page:
        card = page.locator(".player").nth(number)
        card.locator(".play").click()
        own = f"document.querySelectorAll('.player')[{number}]"
        # Paused by the page itself: on a busy machine a click from outside comes after the end.
        page.wait_for_function(
            f"(card => card.querySelector('video').currentTime > 0.4"
            f" && Number(card.querySelector('input').value) >= 8"
            f" && (card.querySelector('.play').click(), true))({own})"
        )
        assert page.evaluate(f"{own}.querySelector('video').paused")
        frame = int(card.locator("input").input_value())
        assert times(card)[0] == pytest.approx((frame + 0.5) / 25, abs=0.021)
        assert card.locator("output").inner_text() == f"frame {500 + frame}"
        assert not page.faults


def test_a_switch_of_methods_keeps_the_frame(page_file):
    with opened(page_file) as page:
        card = page.locator(".player").first
        assert shown(card) == [0]
        card.locator("input").fill("30")
        page.wait_for_function(
            "(v => v.currentTime > 1.1 && !v.seeking)(document.querySelector('.player video'))"
        )
        card.get_by_role("button", name="er_nerf").click()
        assert shown(card) == [2]
        third = "document.querySelectorAll('.player video')[2]"
        page.wait_for_function(f"{third}.readyState > 1 && !{third}.seeking")
        assert times(card)[2] == pytest.approx(30.5 / 25, abs=0.001)
        card.get_by_role("button", name="all").click()
        assert shown(card) == [0, 1, 2, 3]
        card.locator("input").fill("12")
        page.wait_for_function(
            "[...document.querySelectorAll('.player .stage')[0].querySelectorAll('video')]"
            ".every(v => v.readyState > 1 && !v.seeking)"
        )
        assert times(card) == pytest.approx([12.5 / 25] * 4, abs=0.001)
        levels = card.evaluate(
            """c => [...c.querySelectorAll('video')].map(v => {
              const d = document.createElement('canvas'); d.width = d.height = 8;
              d.getContext('2d').drawImage(v, 0, 0, 8, 8);
              try { return d.getContext('2d').getImageData(4, 4, 1, 1).data[0]; }
              catch (e) { return null; }
            })"""
        )
        # A file's picture may be unreadable to scripts; where it is not, it is frame 12's.
        assert all(v is None or abs(v - 4 * 12) <= 5 for v in levels)
        for other in page.locator(".player").all()[1:]:
            assert shown(other) == [0] and times(other) == [0] * 4, "another subject rests"


def test_the_strip_shows_the_figures_and_seeks_where_it_is_clicked(page_file):
    values = pd.read_csv(page_file.parent / "ann/unigs/test/frames.csv")
    with opened(page_file) as page:
        card = page.locator(".player").first
        box = card.locator(".strip").bounding_box()
        card.locator(".strip").click(position={"x": box["width"] * 0.5, "y": 40})
        frame = int(card.locator("input").input_value())
        assert abs(frame - (FRAMES - 1) / 2) <= 1
        first = card.locator(".legend span").first
        assert first.inner_text() == f"unigs {values['psnr_full'][frame]:.4g}"
        card.locator("select").select_option("lpips")
        assert float(first.inner_text().split()[1]) == pytest.approx(
            values["lpips"][frame], rel=1e-3
        )
        path = card.locator(".strip path").first.get_attribute("d")
        assert path.count("M") == 2 and path.count("L") == FRAMES - 3, "a gap at frame 3"
        card.locator("input").fill("3")
        assert first.inner_text() == "unigs –"


def test_it_asks_nothing_but_its_own_files_and_every_video_has_a_picture(page_file):
    with opened(page_file) as page:
        page.wait_for_function(HEARD)
        root = page_file.parent.as_uri()
        assert all(url.startswith((root, "data:")) for url in page.asked), page.asked
        videos = page.locator("video")
        assert videos.count() == 2 * len(SUBJECTS) * len(VARIANTS) + 1
        for k in range(videos.count()):
            assert videos.nth(k).get_attribute("poster").startswith("data:image/jpeg")
        assert not page.faults


def test_a_talking_video_plays(page_file):
    with opened(page_file) as page:
        talk = "document.querySelector('video[src$=\"hello.mp4\"]')"
        page.evaluate(f"{talk}.muted = true; {talk}.play()")
        page.wait_for_function(f"{talk}.currentTime > 0.3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(page_file, scheme):
    with opened(page_file, viewport=PHONE, color_scheme=scheme, has_touch=True) as page:
        for button in page.locator(".player").first.locator(".switch button").all():
            assert button.bounding_box()["height"] >= 36, "a thumb hits it"
        page.locator(".player").first.get_by_role("button", name="all").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('.player button')).color")
        light = [sum(map(int, c[4:-1].split(","))) > 384 for c in (ground, ink)]
        assert light == ([True, False] if scheme == "light" else [False, True])
