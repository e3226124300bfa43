"""A manifest is signed into a video, and every change of either is noticed."""

import json

import numpy as np
import pytest

from tests.support.certificates import write_video
from tests.support.full_disk import full_disk
from tests.support.site import serving
from unigs.media.video import read_video
from unigs.provenance.clip import Provenance
from unigs.provenance.keys import identity, own_anchor
from unigs.provenance.manifest import read_manifest, sign
from unigs.provenance.statement import ACTIONS, PORTRAIT, Statement
from unigs.stage.errors import UserError

SAID = Statement(
    "words ü.wav", "a" * 64, "b" * 64, True, Provenance(consent="myself"), {"speech": "logmel"}
)


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    video = write_video(folder / "plain.mp4", title="t")
    sign(video, folder / "signed.mp4", SAID.definition("signed.mp4"), identity("", ""))
    return folder


def test_what_was_stated_is_read_back(signed):
    read = read_manifest(signed / "signed.mp4", [own_anchor()])
    assert read.fits and read.trusted and not read.faults
    (action,) = read.assertion(ACTIONS)["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"].endswith("digitalsourcetype/trainedAlgorithmicMedia")
    about = read.assertion(PORTRAIT)
    assert about["sound"] == {"name": "words ü.wav", "sha256": "a" * 64}
    assert about["portrait"] == {"sha256": "b" * 64, "backends": {"speech": "logmel"}}
    assert about["clip"] == {"source": "not told", "license": "not told", "consent": "myself"}
    assert read.manifest["title"] == "signed.mp4"
    assert read_manifest(signed / "plain.mp4") is None


def test_pictures_are_those_of_the_video_without_it(signed):
    before, after = (list(read_video(signed / name)) for name in ("plain.mp4", "signed.mp4"))
    assert len(before) == 12 and np.array_equal(before, after)


def test_a_key_of_somebody_else_is_not_trusted(signed, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    identity("", "")
    read = read_manifest(signed / "signed.mp4", [own_anchor()])
    assert read.fits and not read.trusted and not read.faults


def boxes(content):
    """Name -> first byte and end of each box of an .mp4."""
    found, place = {}, 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        found[content[place + 4 : place + 8]] = (place, place + size)
        place += size
    return found


def test_every_changed_byte_is_noticed(signed, tmp_path):
    """Of pictures, index, tags, statement. C2PA leaves out names of boxes and what fills them."""
    content = (signed / "signed.mp4").read_bytes()
    (a, b), (c, d) = boxes(content)[b"moov"], boxes(content)[b"mdat"]
    places = {*range(a + 8, b, 13), *range(c + 8, d, 797), b - 1, d - 1}
    for first, last in (
        (b'"statement"', b"right corner"),
        (b"c2pa.created", b"trainedAlgorithmicMedia"),
        (b"dc:title", b"signed.mp4"),
    ):
        begin = content.find(first)
        end = content.find(last, begin) + len(last)
        assert 0 < begin < end
        places |= {*range(begin, end, 5), end - 1}
    for place in sorted(places):
        damaged = bytearray(content)
        damaged[place] ^= 1
        (tmp_path / "x.mp4").write_bytes(damaged)
        read = read_manifest(tmp_path / "x.mp4", [own_anchor()])
        assert read is not None and not read.fits and read.faults, place


def test_a_manifest_that_was_moved_to_another_video_does_not_fit(signed, tmp_path):
    """The box of the manifest, cut out and put behind the head of another video."""
    content = (signed / "signed.mp4").read_bytes()
    start = content.find(b"uuid") - 4
    box = content[start : start + int.from_bytes(content[start : start + 4], "big")]
    other = write_video(tmp_path / "other.mp4", frames=9).read_bytes()
    head = int.from_bytes(other[:4], "big")
    (tmp_path / "x.mp4").write_bytes(other[:head] + box + other[head:])
    read = read_manifest(tmp_path / "x.mp4", [own_anchor()])
    assert read is not None and not read.fits and read.faults


def test_a_file_that_is_no_video_has_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"none\.mp4 cannot be read"):
        read_manifest(tmp_path / "none.mp4")
    (tmp_path / "x.mp4").write_text("no video")
    read = read_manifest(tmp_path / "x.mp4")
    assert read is None or not read.fits


def test_nobody_is_asked_for_a_manifest_that_lies_elsewhere(signed, tmp_path):
    """A video may name an address to read its manifest from: a stranger would learn who looks."""
    import c2pa

    with serving() as site:
        url = site.answer("/manifest.c2pa", b"x")
        own = identity("", "")
        info = c2pa.C2paSignerInfo(own.algorithm, own.chain, own.key, None)
        definition = json.dumps(SAID.definition("x.mp4"))
        with c2pa.Builder(definition) as builder:
            builder.set_no_embed()
            builder.set_remote_url(url)
            with open(signed / "plain.mp4", "rb") as a, open(tmp_path / "x.mp4", "w+b") as b:
                builder.sign(c2pa.Signer.from_info(info), "video/mp4", a, b)
        assert url.encode() in (tmp_path / "x.mp4").read_bytes()
        read = read_manifest(tmp_path / "x.mp4")
        assert read is None or not read.fits
        assert not site.asked["/manifest.c2pa"]


def test_a_full_disk_is_told_from_a_refused_certificate(signed, tmp_path):
    with full_disk(tmp_path, kilobytes=8) as folder, pytest.raises(OSError, match="No space left"):
        sign(signed / "plain.mp4", folder / "x.mp4", SAID.definition("x.mp4"), identity("", ""))
