"""With what videos are signed: made once, for this user alone, or the user's own."""

import getpass
import multiprocessing
import socket
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.certificates import write_certificate, write_video
from unigs.provenance.keys import identity, key_folder, new_identity, own_anchor
from unigs.provenance.manifest import read_manifest, sign, try_identity
from unigs.provenance.statement import Statement
from unigs.stage.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_key_is_made_at_first_use_and_only_its_owner_reads_it(home):
    assert own_anchor() is None
    first = identity("", "")
    assert key_folder() == home / "unigs/signing"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in key_folder().iterdir()}
    assert modes == {"chain.pem": 0o600, "key.pem": 0o600}
    assert stat.S_IMODE(key_folder().stat().st_mode) == 0o700
    assert identity("", "") == first
    assert first.chain.endswith(own_anchor())
    assert not list(home.rglob(".signing-*"))


def test_the_key_of_first_use_names_neither_person_nor_machine(home):
    for certificate in x509.load_pem_x509_certificates(identity("", "").chain):
        text = certificate.subject.rfc4514_string() + certificate.issuer.rfc4514_string()
        words = {getpass.getuser(), socket.gethostname()} - {"root"}
        assert not [word for word in words if word in text]
        assert b"PRIVATE" not in own_anchor()


def test_its_authority_vouches_for_it_and_is_asked_for_nothing_else(home):
    leaf, root = x509.load_pem_x509_certificates(identity("", "").chain)
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert leaf.public_key() != root.public_key()
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.EMAIL_PROTECTION in usages
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    try_identity(identity("", ""))


def _key(_):
    return identity("", "").key


def test_processes_that_begin_at_once_use_one_key(home):
    with multiprocessing.get_context("fork").Pool(6) as pool:
        keys = set(pool.map(_key, range(24)))
    assert keys == {identity("", "").key}


def test_without_a_place_for_keys_a_video_has_a_key_of_its_own(monkeypatch, caplog):
    monkeypatch.setenv("XDG_DATA_HOME", "/dev/null/nowhere")
    first, second = identity("", ""), identity("", "")
    assert first.key != second.key
    try_identity(first)
    assert "No key for signing videos can be kept" in caplog.text and "XDG_DATA_HOME" in caplog.text


def test_without_a_home_no_key_lies_where_the_command_was_typed(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as of a user without an entry
    monkeypatch.chdir(tmp_path)
    try_identity(identity("", ""))
    assert own_anchor() is None and not list(tmp_path.iterdir())
    assert "this user has no home folder" in caplog.text


def test_a_relative_data_folder_is_no_folder(monkeypatch):
    """As the specification of XDG_DATA_HOME has it: results of any folder would hold keys."""
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setenv("HOME", "/somewhere")
    assert key_folder() == Path("/somewhere/.local/share/unigs/signing")


@pytest.mark.parametrize("kind", ["p256", "p384", "ed25519", "rsa"])
def test_the_users_own_certificate_signs(tmp_path, home, kind):
    chain, key, authority = write_certificate(tmp_path / "own", kind)
    own = identity(str(chain), str(key))
    try_identity(own)
    video = write_video(tmp_path / "a.mp4")
    said = Statement("s.wav", "0" * 64, "1" * 64, True).definition("b.mp4")
    sign(video, tmp_path / "b.mp4", said, own)
    read = read_manifest(tmp_path / "b.mp4", [authority.read_bytes()])
    assert read.fits and read.trusted and read.signer == "Ann, Studio of the tests"
    stranger = read_manifest(tmp_path / "b.mp4")
    assert stranger.fits and not stranger.trusted and not stranger.faults
    assert not home.exists(), "no key is made where one is given"


def test_half_a_pair_is_refused(tmp_path):
    chain, key, _ = write_certificate(tmp_path)
    for given in ((str(chain), ""), ("", str(key))):
        with pytest.raises(UserError, match="belong together: name both files, or none"):
            identity(*given)


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path):
    chain, key, _ = write_certificate(tmp_path / "a")
    _, other, _ = write_certificate(tmp_path / "b")
    _, hidden, _ = write_certificate(tmp_path / "c", password=b"secret")
    old, old_key, _ = write_certificate(tmp_path / "d", days=-2)
    odd, odd_key, _ = write_certificate(tmp_path / "e", "k1")
    small, small_key, _ = write_certificate(tmp_path / "f", "rsa1024")
    for given, sentence in {
        (chain, other): "is not the key of",
        (chain, hidden): "or a password protects it",
        (chain, tmp_path / "none.pem"): r"none\.pem cannot be read \(No such file",
        (key, key): "holds no certificate",
        (chain, chain): "holds no private key",
        (old, old_key): r"ended on 20\d\d-\d\d-\d\d: get a new one",
        (odd, odd_key): "of a kind that C2PA does not sign with",
        (small, small_key): "of a kind that C2PA does not sign with",
    }.items():
        with pytest.raises(UserError, match=sentence) as stopped:
            identity(*map(str, given))
        assert "\n" not in str(stopped.value)


@pytest.mark.parametrize("usage", [ExtendedKeyUsageOID.SERVER_AUTH, None])
def test_what_c2pa_refuses_is_met_before_a_video_is_made(tmp_path, usage):
    chain, key, _ = write_certificate(tmp_path, usage=usage)
    with pytest.raises(UserError, match="no manifest can be signed with this certificate") as told:
        try_identity(identity(str(chain), str(key)))
    assert "\n" not in str(told.value)


def test_a_damaged_key_of_first_use_is_named(home):
    identity("", "")
    (key_folder() / "key.pem").write_bytes(b"")
    with pytest.raises(UserError, match=r"signing/key\.pem holds no private key"):
        identity("", "")


def test_each_new_identity_is_another():
    assert new_identity().chain != new_identity().chain
