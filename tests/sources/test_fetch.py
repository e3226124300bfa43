"""Downloads: a whole video under its name, or one sentence and nothing."""

import hashlib
import re
import shutil
import socket

import numpy as np
import pytest

from tests.support.fetching import refused
from tests.support.ffmpeg import run_ffmpeg
from tests.support.full_disk import full_disk
from tests.support.site import serving
from unigs.media.ffmpeg import file_address
from unigs.media.video import VideoWriter, frame_count
from unigs.sources.fetch import fetch_video
from unigs.stage import download
from unigs.stage.errors import UserError

PAGE = b"<!doctype html><html><body>Please log in.</body></html>"


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A second of noise as mp4 with its index first, and as mkv."""
    folder = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    with VideoWriter(folder / "a.mp4", 64, 64, 25) as writer:
        for _ in range(25):
            writer.write(rng.integers(0, 256, (64, 64, 3), np.uint8))
    for name in ("a.mkv", "a.ts"):
        source, target = file_address(folder / "a.mp4"), file_address(folder / name)
        run_ffmpeg(["-i", source, "-c", "copy", target], "copy")
    return folder


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site():
    with serving() as site:
        yield site


def test_a_whole_video_is_kept_as_it_came(site, videos, tmp_path):
    body = (videos / "a.mp4").read_bytes()
    url = site.answer("/a.mp4", body, Content_Length=str(len(body)))
    fetch_video(url, tmp_path / "a.mp4", hashlib.sha256(body).hexdigest().upper())
    assert (tmp_path / "a.mp4").read_bytes() == body


def test_spaces_and_umlauts_are_encoded_and_what_is_encoded_stays(site, videos, tmp_path):
    body = (videos / "a.mp4").read_bytes()
    site.answer("/f%C3%BCr%20alle%20%2B.mp4?q=%C3%A4%20b", body)
    fetch_video(f"{site.root}/für alle%20%2B.mp4?q=ä b#t=3", tmp_path / "a.mp4")
    assert frame_count(tmp_path / "a.mp4") == 25


@pytest.mark.parametrize("length", ["x", "-5", None])
def test_a_length_that_is_none_is_not_needed(site, videos, tmp_path, length):
    headers = {} if length is None else {"Content_Length": length}
    url = site.answer("/a.mp4", (videos / "a.mp4").read_bytes(), **headers)
    fetch_video(url, tmp_path / "a.mp4")
    assert frame_count(tmp_path / "a.mp4") == 25


def test_a_page_in_the_place_of_a_video_is_refused(site, tmp_path):
    url = site.answer("/a.mp4", PAGE, Content_Type="text/html; charset=utf-8")
    sentence = r"/a\.mp4 is no video that ffmpeg can read \(the server calls it text/html\): give"
    refused(url, tmp_path, sentence)
    refused(url, tmp_path, sentence, sha256=hashlib.sha256(PAGE).hexdigest())


def test_an_empty_body_is_refused(site, tmp_path):
    refused(site.answer("/a.mp4"), tmp_path, r"/a\.mp4 is empty: check")
    refused(site.answer("/b.mp4", Content_Length="0"), tmp_path, r"/b\.mp4 is empty: check")


def test_a_short_body_is_tried_again_and_then_refused(site, videos, tmp_path):
    body = (videos / "a.mp4").read_bytes()
    url = site.answer("/a.mp4", body[:5000], Content_Length=str(len(body)))
    refused(url, tmp_path, rf"/a\.mp4 broke off after 5000 of {len(body)} bytes")
    assert site.asked["/a.mp4"] == 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_body_that_ends_early_without_a_length_is_refused(site, videos, tmp_path, name):
    body = (videos / name).read_bytes()
    url = site.answer(f"/{name}", body[: len(body) * 6 // 10])
    refused(url, tmp_path, "ends before the video does: the file is damaged, or was cut short")


def test_cut_chunks_are_refused(site, videos, tmp_path):
    body = b"1000\r\n" + (videos / "a.mp4").read_bytes()[:2000]
    url = site.answer("/a.mp4", body, Transfer_Encoding="chunked")
    refused(url, tmp_path, r"/a\.mp4 broke off before its end")


@pytest.mark.parametrize("status, times", [(404, 1), (403, 1), (410, 1), (503, 4), (429, 4)])
def test_only_what_can_pass_is_tried_again(site, tmp_path, status, times):
    url = site.answer("/a.mp4", status=status, Content_Length="0")
    refused(url, tmp_path, f"cannot be fetched: {status} ")
    assert site.asked["/a.mp4"] == times


def test_a_server_that_recovers_is_enough(site, videos, tmp_path):
    url = site.answer("/a.mp4", (videos / "a.mp4").read_bytes(), status=[503, 500, 200])
    fetch_video(url, tmp_path / "a.mp4")
    assert frame_count(tmp_path / "a.mp4") == 25 and site.asked["/a.mp4"] == 3


def test_nobody_is_redirected_to_files_or_other_protocols(site, videos, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        ftp = f"ftp://127.0.0.1:{other.getsockname()[1]}/a.mp4"
        for number, target in enumerate(((videos / "a.mp4").as_uri(), ftp)):
            url = site.answer(f"/{number}.mp4", status=302, Location=target, Content_Length="0")
            refused(url, tmp_path, rf"/{number}\.mp4 cannot be fetched: ")
        with pytest.raises(BlockingIOError):
            other.accept()  # nobody came
    body = (videos / "a.mp4").read_bytes()
    site.answer("/b.mp4", body)
    fetch_video(site.answer("/c.mp4", status=302, Location="/b.mp4"), tmp_path / "c.mp4")
    assert (tmp_path / "c.mp4").read_bytes() == body


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1/a.mp4",
        "http://[x]/a.mp4",
        "http://ho..st/a.mp4",
        "http://127.0.0.1:port/a.mp4",
        "http:///a.mp4",
        "http://a b/a.mp4",
        "http://127.0.0.1:1/a.mp4",
        "http://no.such.host.invalid/a.mp4",
        "ftp://127.0.0.1/a.mp4",
        "a.mp4",
    ],
)
def test_what_is_no_address_is_a_sentence(tmp_path, url):
    refused(url, tmp_path, f'^"?{re.escape(url)}"? (is no|cannot be fetched)')


def test_a_play_list_is_no_video(site, videos, tmp_path):
    """It would make ffmpeg open other files of this machine."""
    other = file_address(videos / "a.ts")
    lists = {
        "/a.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
        "/b.mp4": f"ffconcat version 1.0\nfile '{videos / 'a.ts'}'\n",
    }
    for path, text in lists.items():
        refused(site.answer(path, text.encode()), tmp_path, "is no video that ffmpeg can read")


def test_a_sound_or_a_picture_is_no_video(videos, tmp_path):
    sound = tmp_path / "tone.mp4"
    run_ffmpeg(["-f", "lavfi", "-i", "sine", "-t", "1", "-c:a", "aac", str(sound)], "make a tone")
    picture = tmp_path / "p.png"
    run_ffmpeg(["-i", file_address(videos / "a.mp4"), "-frames:v", "1", str(picture)], "cut")
    for path in (sound, picture):
        refused(path.as_uri(), tmp_path, "is no video that ffmpeg can read: give")


def test_a_file_address_of_the_sheet_is_copied(videos, tmp_path):
    source = tmp_path / "a {x} ü%20.mp4"
    shutil.copy(videos / "a.mp4", source)
    fetch_video(source.as_uri(), tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == source.read_bytes()
    refused("file:///dev/zero", tmp_path, "file:///dev/zero cannot be fetched: there is no file")
    refused("file://host/a.mp4", tmp_path, "file://host/a.mp4 names another machine")
    refused(f"file://{tmp_path}", tmp_path, "cannot be fetched: there is no file")


def test_another_checksum_is_refused(videos, tmp_path):
    url = (videos / "a.mp4").as_uri()
    refused(
        url, tmp_path, f"has sha256 [0-9a-f]{{64}}, but the sheet says {'0' * 64}", sha256="0" * 64
    )


@pytest.mark.parametrize("network", [True, False])
def test_a_full_disk_is_said_and_nothing_is_kept(site, videos, tmp_path, network):
    url = (videos / "a.mp4").as_uri()
    if network:
        url = site.answer("/a.mp4", (videos / "a.mp4").read_bytes())
    with full_disk(tmp_path, kilobytes=4) as folder:
        with pytest.raises(
            UserError, match=rf"out\.mp4 could not be written, the disk of {folder} is"
        ):
            fetch_video(url, folder / "out.mp4")
        assert not list(folder.iterdir())
    assert site.asked["/a.mp4"] == network, "room is not made by asking again"
