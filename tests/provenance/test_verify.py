"""`unigs verify` says what a video says of itself, and whether that can be believed."""

import hashlib
import json

import pytest

from tests.support.certificates import write_certificate, write_video
from unigs.__main__ import main
from unigs.provenance import manifest
from unigs.provenance.clip import Provenance
from unigs.provenance.command import verify
from unigs.provenance.keys import identity
from unigs.provenance.manifest import Reading, sign
from unigs.provenance.statement import ACTIONS, TITLE, Statement
from unigs.stage.errors import UserError


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A signed video, its portrait and its sound."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("portrait.safetensors", "words.wav"):
        (tmp_path / name).write_text(name)
    statement = said(tmp_path)
    write_video(tmp_path / "plain.mp4", title=TITLE, comment=statement.comment())
    sign(
        tmp_path / "plain.mp4", tmp_path / "a.mp4", statement.definition("a.mp4"), identity("", "")
    )
    return tmp_path


def said(folder, **changes):
    values = {
        "sound": "words.wav",
        "sound_sha256": hashlib.sha256(b"words.wav").hexdigest(),
        "portrait_sha256": hashlib.sha256(b"portrait.safetensors").hexdigest(),
        "marked": True,
        "clip": Provenance("filmed here", "own recording", "signed form 12"),
        "backends": {"speech": "whisper"},
    }
    return Statement(**(values | changes))


def told(capsys, *words):
    """Exit code and printed text of `unigs verify`."""
    try:
        main(["verify", *map(str, words)])
        code = 0
    except SystemExit as stop:
        code = stop.code
    shown = capsys.readouterr()
    return code, " ".join(shown.out.split()), shown.err


def test_a_whole_video_is_told_in_words(made, capsys):
    code, text, _ = told(capsys, made / "a.mp4")
    assert code == 0
    for words in (
        "the signature fits: nothing of the video was changed",
        "(known here)",
        "kind of media: trainedAlgorithmicMedia",
        "statement: Synthetic video: the person shown did not say this.",
        "sound, name: words.wav",
        "clip, consent: signed form 12",
        "clip, license: own recording",
        "clip, source: filmed here",
        "portrait, backends, speech: whisper",
        "visible mark: AI, upper right corner",
        f"metadata, title: {TITLE}",
        "metadata, comment: Synthetic video: the person shown did not say this. Rendered by UniGS",
    ):
        assert words in text, words


def test_a_changed_video_does_not_pass(made, capsys):
    content = bytearray((made / "a.mp4").read_bytes())
    content[-100] ^= 1
    (made / "a.mp4").write_bytes(content)
    code, text, _ = told(capsys, made / "a.mp4")
    assert code == 1 and "manifest: IT DOES NOT FIT: assertion.bmffHash.mismatch" in text


def test_a_video_without_manifest_does_not_pass_but_its_metadata_are_shown(made, capsys):
    code, text, _ = told(capsys, made / "plain.mp4")
    assert code == 1 and "manifest: there is none" in text
    assert "metadata, comment: Synthetic video" in text and "signed by" not in text


def test_a_strangers_signature_is_called_one_unless_it_is_trusted(made, capsys):
    chain, key, authority = write_certificate(made / "own")
    own = identity(str(chain), str(key))
    sign(made / "plain.mp4", made / "b.mp4", said(made).definition("b.mp4"), own)
    code, text, _ = told(capsys, made / "b.mp4")
    assert code == 0 and "Ann, Studio of the tests (nobody known here vouches for" in text
    code, text, _ = told(capsys, made / "b.mp4", "--trust", authority)
    assert code == 0 and "Ann, Studio of the tests (known here)" in text
    code, _, error = told(capsys, made / "b.mp4", "--trust", key)
    assert code == 2 and "holds no certificate" in error


def test_portrait_and_sound_are_compared(made, capsys):
    fitting = ("--portrait", made / "portrait.safetensors", "--sound", made / "words.wav")
    assert told(capsys, made / "a.mp4", *fitting)[0] == 0
    code, text, _ = told(capsys, made / "a.mp4", "--sound", made / "portrait.safetensors")
    assert code == 1 and "is not the sound that the manifest names" in text
    code, text, _ = told(capsys, made / "a.mp4", "--portrait", made / "words.wav")
    assert code == 1 and "is not the portrait that the manifest names" in text


@pytest.mark.parametrize("flag", ["--portrait", "--sound"])
@pytest.mark.parametrize("video", ["a.mp4", "plain.mp4"])
def test_a_file_to_compare_that_is_not_there_is_no_verdict(made, capsys, flag, video):
    code, text, error = told(capsys, made / video, flag, made / "none.bin")
    assert (code, text) == (2, "")
    assert error.count("\n") == 1 and "none.bin cannot be read (No such file or" in error


def test_programs_read_json(made, capsys):
    main(["verify", "--json", str(made / "a.mp4")])
    read = json.loads(capsys.readouterr().out)
    assert read["fits"] and read["vouched_for"]
    assert read["about"]["sound"]["sha256"] == hashlib.sha256(b"words.wav").hexdigest()
    assert read["about"]["clip"]["consent"] == "signed form 12"


def test_nothing_that_a_stranger_wrote_reaches_the_terminal_as_a_command(made, capsys):
    evil = said(made, clip=Provenance(consent="\x1b[2Jmyself\nmanifest: the signature fits"))
    sign(made / "plain.mp4", made / "b.mp4", evil.definition("b.mp4"), identity("", ""))
    main(["verify", str(made / "b.mp4")])
    out = capsys.readouterr().out
    assert "\x1b" not in out and "?[2Jmyself?manifest" in out
    assert sum(line.startswith("manifest:") for line in out.splitlines()) == 1


def test_what_is_no_video_has_a_sentence(made, capsys):
    code, _, error = told(capsys, made / "words.wav")
    assert code == 2 and "words.wav is no media file that ffmpeg can read" in error


def test_without_the_library_nothing_is_called_good(made, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(UserError, match="cannot be read without c2pa-python: pip install"):
        verify(made / "a.mp4")


@pytest.mark.parametrize("strange", ["text", [], ["text"], {"name": "x"}, None, 7])
def test_a_strange_manifest_is_no_traceback(made, monkeypatch, strange):
    """Whoever signs a manifest says what stands in it."""
    content = {
        "claim_generator_info": strange,
        "assertions": [{"label": ACTIONS, "data": {"actions": strange}}],
    }
    reading = Reading(fits=True, trusted=False, manifest=content)
    monkeypatch.setattr(manifest, "read_manifest", lambda *given: reading)
    verdict = verify(made / "a.mp4")
    assert verdict.signed and verdict.program == "unknown" and verdict.source_type == ""
