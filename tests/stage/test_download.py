"""Transfers that break off are gone on with, and never mixed up."""

import pytest

from tests.support.site import serving
from unigs.stage import download
from unigs.stage.download import Manner, TransferError

BODY = bytes(range(256)) * 4000
RESUME = Manner(resume=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(download, "PAUSES", (0.0,))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site():
    with serving() as site:
        yield site


def test_a_broken_transfer_goes_on_where_it_stopped(site, tmp_path):
    url = site.file("/a", BODY, cut=300_000)
    download.download(url, tmp_path / "a", RESUME)
    assert (tmp_path / "a").read_bytes() == BODY
    assert [heard.get("Range") for heard in site.heard["/a"]] == [None, "bytes=300000-"]


def test_what_an_earlier_process_left_is_gone_on_with(site, tmp_path):
    (tmp_path / "a").write_bytes(BODY[:1000])
    download.download(site.file("/a", BODY), tmp_path / "a", RESUME)
    assert (tmp_path / "a").read_bytes() == BODY and site.asked["/a"] == 1


def test_without_resuming_what_is_there_is_replaced(site, tmp_path):
    (tmp_path / "a").write_bytes(b"something else")
    download.download(site.file("/a", BODY), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY


def test_a_server_that_sends_the_whole_again_replaces_the_part(site, tmp_path):
    (tmp_path / "a").write_bytes(BODY[:1000])
    url = site.answer("/a", BODY, Content_Length=str(len(BODY)))
    download.download(url, tmp_path / "a", RESUME)
    assert (tmp_path / "a").read_bytes() == BODY


@pytest.mark.parametrize("place", ["bytes 7-9/10", "nonsense"])
def test_another_part_than_the_one_asked_for_is_not_appended(site, tmp_path, place):
    (tmp_path / "a").write_bytes(BODY[:1000])
    url = site.answer("/a", BODY, status=206, Content_Range=place)
    download.download(url, tmp_path / "a", RESUME)
    assert (tmp_path / "a").read_bytes() == BODY


def test_a_part_that_is_longer_than_the_file_is_begun_anew(site, tmp_path):
    (tmp_path / "a").write_bytes(BODY + b"more")
    download.download(site.file("/a", BODY), tmp_path / "a", RESUME)
    assert (tmp_path / "a").read_bytes() == BODY


def test_a_file_without_end_is_given_up(site, tmp_path):
    url = site.answer("/a", BODY)
    with pytest.raises(TransferError, match="/a is longer than 1000 bytes"):
        download.download(url, tmp_path / "a", Manner(limit=1000))
    assert site.asked["/a"] == 1


def test_a_server_out_of_reach_is_told_from_one_that_refuses(site, tmp_path):
    with pytest.raises(TransferError) as refused:
        download.download(site.root + "/none", tmp_path / "a")
    assert refused.value.reached and not refused.value.passing
    with pytest.raises(TransferError, match="cannot be fetched: .*refused") as missed:
        download.download("http://127.0.0.1:1/a", tmp_path / "a", Manner(insist=False))
    assert not missed.value.reached and missed.value.passing


def test_no_other_server_hears_the_headers(site, tmp_path):
    with serving() as other:
        target = other.file("/b", BODY)
        url = site.answer("/a", status=302, Location=target, Content_Length="0")
        manner = Manner(headers={"Authorization": "Basic secret"})
        download.download(url, tmp_path / "a", manner)
        assert site.heard["/a"][0]["Authorization"] == "Basic secret"
        assert "Authorization" not in other.heard["/b"][0]
