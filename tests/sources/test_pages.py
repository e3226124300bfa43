"""Pages of video sites, through yt-dlp's reader of unknown pages, from a server on this machine."""

import hashlib

import numpy as np
import pytest

from tests.support.fetching import refused
from tests.support.site import serving
from unigs.media.audio import RATE, read_audio, write_wav
from unigs.media.timing import read_timing
from unigs.media.video import VideoWriter, read_video
from unigs.sources import fetch
from unigs.sources.fetch import fetch_video

pytest.importorskip("yt_dlp", reason='pages need yt-dlp: pip install -U "yt-dlp[default]"')
SECONDS, FPS, FLASH = 14, 25, 11.0
"""x264 sets key frames 10 s apart: a part that begins at 8 s has them far before it."""


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Frames that all differ, with a flash and a bang at the same time, as a site has them."""
    folder = tmp_path_factory.mktemp("film")
    sound = np.zeros(SECONDS * RATE, np.float32)
    start = round(FLASH * RATE)
    sound[start : start + RATE // 5] = 0.5 * np.sin(np.arange(RATE // 5))
    write_wav(folder / "s.wav", sound)
    along = np.arange(64)
    with VideoWriter(folder / "a.mp4", 64, 64, FPS, "preview", audio=folder / "s.wav") as writer:
        for k in range(SECONDS * FPS):
            bar = 60 + 60 * np.sin((along + k) / 5)[None, :, None] + np.zeros((64, 1, 3))
            flash = FLASH * FPS <= k < FLASH * FPS + 5
            writer.write((bar + 100 * flash).astype(np.uint8))
    with VideoWriter(folder / "small.mp4", 32, 32, FPS, "preview") as writer:
        for _ in range(10):
            writer.write(np.zeros((32, 32, 3), np.uint8))
    return folder


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site(film):
    with serving() as site:
        site.file("/files/a.mp4", (film / "a.mp4").read_bytes())
        site.file("/files/small.mp4", (film / "small.mp4").read_bytes())
        page(site, '<video src="/files/a.mp4"></video>')
        yield site


def page(site, content, path="/watch?v=1"):
    """Let a path be a page; return its address."""
    text = f"<!doctype html><html><head><title>t</title></head><body>{content}</body></html>"
    return site.answer(path, text.encode(), Content_Type="text/html; charset=utf-8")


def test_the_video_of_a_page_is_kept_as_the_site_has_it(site, film, tmp_path):
    body = (film / "a.mp4").read_bytes()
    url, digest = f"{site.root}/watch?v=1", hashlib.sha256(body).hexdigest()
    fetch_video(url, tmp_path / "a.mp4", digest)
    assert (tmp_path / "a.mp4").read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    sentence = (
        f"has sha256 {digest}, but the sheet says {'0' * 64}: the video has changed, or its site"
    )
    refused(url, tmp_path, sentence, sha256="0" * 64)


def test_an_address_that_answers_with_a_video_is_a_page_too(site, film, tmp_path):
    url = site.answer("/get?id=7", (film / "small.mp4").read_bytes(), Content_Type="video/mp4")
    fetch_video(url, tmp_path / "a.mp4")
    assert len(list(read_video(tmp_path / "a.mp4"))) == 10


@pytest.mark.parametrize("first, last", [(8.3, 12.1), (0, 2), (10.02, 11.5)])
def test_a_section_holds_the_frames_of_its_seconds_as_they_were(site, film, tmp_path, first, last):
    """Copied, not encoded anew: equal to the bit, though no key frame lies where it begins."""
    url, out = f"{site.root}/watch?v=1", tmp_path / "a.mp4"
    fetch_video(url, out, section=f"{first}-{last}")
    whole = np.array(list(read_video(film / "a.mp4")))
    part = np.array(list(read_video(out)))
    begin = int(np.ceil(first * FPS - 1e-9))
    assert (last - first) * FPS - 1 <= len(part) <= (last - first) * FPS + 4
    assert np.array_equal(part, whole[begin : begin + len(part)])
    # Frame k is shown k / FPS after the first one: that is what start and stop count.
    times = read_timing(out).times
    np.testing.assert_allclose(np.diff(times[:-1]), 1 / FPS, atol=1e-3)
    assert abs(times[0] - (begin / FPS - first)) < 1 / FPS
    before = out.read_bytes()
    fetch_video(url, out, section=f"{first}-{last}")
    assert out.read_bytes() == before, "fetched again it has the same checksum"


def test_the_sound_of_a_section_stays_in_step(site, tmp_path):
    fetch_video(f"{site.root}/watch?v=1", tmp_path / "a.mp4", section="8.3-12.1")
    light = np.array([frame.mean() for frame in read_video(tmp_path / "a.mp4")])
    bang = np.flatnonzero(np.abs(read_audio(tmp_path / "a.mp4", RATE)) > 0.2)[0] / RATE
    flash = np.flatnonzero(light > 130)[0] / FPS
    assert flash == pytest.approx(FLASH - 8.3, abs=0.05) and bang == pytest.approx(flash, abs=0.05)


def test_the_format_is_chosen(site, tmp_path):
    url = page(
        site,
        '<video><source src="/files/a.mp4" type="video/mp4" height="1080" label="big">'
        '<source src="/files/small.mp4" type="video/mp4" height="240" label="small"></video>',
    )
    for format, side in ((fetch.BEST, 64), ("b[height<=300]", 32)):
        fetch_video(url, tmp_path / "a.mp4", format=format)
        assert next(read_video(tmp_path / "a.mp4")).shape == (side, side, 3)
    refused(url, tmp_path / "x", "yt-dlp could not fetch .*: its messages stand above", format="nn")


def test_of_several_videos_one_is_fetched(site, film, tmp_path):
    for name in ("b", "c"):
        site.file(f"/files/{name}.mp4", (film / "small.mp4").read_bytes())
    videos = "".join(f'<video src="/files/{name}.mp4"></video>' for name in ("a", "b", "c"))
    fetch_video(page(site, videos), tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (film / "a.mp4").read_bytes()
    assert not site.asked["/files/b.mp4"] and not site.asked["/files/c.mp4"]


def test_a_page_leads_to_no_file_of_this_machine(site, film, tmp_path):
    own = (film / "a.mp4").as_uri()
    refused(page(site, f'<video src="{own}"></video>'), tmp_path, "yt-dlp could not fetch")
    redirect = site.answer("/go", status=302, Location=own, Content_Length="0")
    refused(redirect, tmp_path, "yt-dlp could not fetch")
    lists = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{own}\n#EXT-X-ENDLIST\n"
    site.answer("/list.m3u8", lists.encode(), Content_Type="application/vnd.apple.mpegurl")
    for section in ("", "1-2"):
        found = page(site, '<video src="/list.m3u8"></video>')
        refused(found, tmp_path, "yt-dlp could not fetch|is no video", section=section)


@pytest.mark.parametrize("content", ["", "<p>Please log in.</p>"])
def test_a_page_without_a_video_is_refused(site, tmp_path, content):
    refused(page(site, content), tmp_path, "yt-dlp could not fetch .*: its messages stand above")


def test_what_people_configured_for_other_purposes_does_not_count(site, tmp_path, monkeypatch):
    for place in ("config/yt-dlp", "home/.yt-dlp"):
        (tmp_path / place).mkdir(parents=True)
        told = f"--exec 'touch {tmp_path}/ran'\n--write-info-json\n--extract-audio\n"
        (tmp_path / place / "config").write_text(told)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fetch_video(f"{site.root}/watch?v=1", tmp_path / "out/a.mp4")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.mp4"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("options", [{"section": "1-2"}, {"format": "w"}])
def test_of_a_file_no_part_is_asked(site, tmp_path, options):
    for url in (f"{site.root}/files/a.mp4", "file:///a.mp4"):
        refused(url, tmp_path, "is a video file, of which section and format choose", **options)
    assert not site.asked["/files/a.mp4"]


def test_without_yt_dlp_a_sentence_says_how_to_get_it(site, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    refused(f"{site.root}/watch?v=1", tmp_path, r'needs yt-dlp: pip install -U "yt-dlp\[default\]"')
    assert not site.asked["/watch?v=1"]
