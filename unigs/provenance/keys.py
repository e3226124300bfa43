"""With what videos are signed: the user's own certificate, or a key made at first use.

The key of first use lies in the user's own folder, readable by nobody else, and never among
results. It is vouched for by a certificate that no list knows: it says that a video is unchanged
since it was made here, not who made it. Names of person and machine are not in it.
"""

from __future__ import annotations

import datetime
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from unigs.stage.errors import UserError

log = logging.getLogger("unigs")

ORGANIZATION = "UniGS, key made on the user's computer"
"""What the certificates of keys made at first use give as their organization."""
CHAIN, KEY = "chain.pem", "key.pem"
"""Files of the folder: certificates (the signer's, then the one that signed it), private key."""
YEARS = 10
"""Life of a key made at first use: without a time-stamp a signature is good as long as its key."""
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
"""Extended key usage of C2PA; older readers look for e-mail protection, which is given, too."""
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
"""Elliptic curve -> name of the algorithm in C2PA."""


@dataclass(frozen=True)
class Identity:
    """A private key and the certificates that vouch for it."""

    chain: bytes
    """Certificates as PEM, the signer's first."""
    key: bytes
    """Private key as PEM."""
    algorithm: str
    """Name in C2PA: es256, es384, es512, ed25519 or ps256."""


def identity(certificate: str, private_key: str) -> Identity:
    """What the settings name, else the key of first use, which is made if it is not there.

    Args:
        certificate: path of the user's own certificates; empty: none.
        private_key: path of the key that belongs to them; empty: none.

    Raises:
        UserError: one of the files is missing or does not fit, or the key of first use is damaged.
    """
    if certificate or private_key:
        if not (certificate and private_key):
            raise UserError(
                "drive.certificate and drive.private_key belong together: name both files, or none."
            )
        return read_identity(Path(certificate), Path(private_key))
    try:
        folder = key_folder()
        if not folder.exists():
            _keep_new(folder)
    except OSError as error:
        log.warning(
            "No key for signing videos can be kept (%s): this one is signed with a key for it "
            "alone. Set XDG_DATA_HOME to a folder of yours that can be written.",
            error,
        )
        return new_identity()
    return read_identity(folder / CHAIN, folder / KEY)


def key_folder() -> Path:
    """Folder of the key of first use: `unigs/signing` in XDG_DATA_HOME or ~/.local/share.

    Raises:
        FileNotFoundError: this user has no home, as in a container.
    """
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if os.path.isabs(data) else Path(os.path.expanduser("~"), ".local/share")
    if not base.is_absolute():
        raise FileNotFoundError("this user has no home folder")
    return base / "unigs/signing"


def own_anchor() -> bytes | None:
    """The certificate that vouches for the key of first use, as PEM; None before there is one."""
    try:
        text = (key_folder() / CHAIN).read_bytes()
    except OSError:
        return None
    last = text.rfind(b"-----BEGIN CERTIFICATE-----")
    return text[last:] if last > 0 else None


def read_identity(certificate: Path, private_key: Path) -> Identity:
    """Read certificates and key, and see whether they belong together.

    Args:
        certificate: the signer's certificate and those that vouch for it, in this order (.pem).
        private_key: the key, without a password (.pem).

    Raises:
        UserError: a file is missing or damaged, the key is another one, or out of date.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    chain, key = _content(certificate), _content(private_key)
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError):
        raise UserError(
            f"{certificate} holds no certificate in PEM form: export it anew."
        ) from None
    try:
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        raise UserError(
            f"{private_key} holds no private key in PEM form, or a password protects it: export it "
            "without one into a file that only you can read."
        ) from None
    if private.public_key() != leaf.public_key():
        raise UserError(f"{private_key} is not the key of {certificate}: name those of one pair.")
    if leaf.not_valid_after_utc < datetime.datetime.now(datetime.UTC):
        raise UserError(
            f"{certificate} ended on {leaf.not_valid_after_utc:%Y-%m-%d}: get a new one (one that "
            "UniGS made is made anew once its folder is deleted)."
        )
    return Identity(chain, key, _algorithm(private, private_key))


def new_identity() -> Identity:
    """A new key, and two certificates: its own, and the one that vouches for it.

    C2PA wants a signer that another certificate vouches for. The key of that one is forgotten at
    once, so that nothing else can ever be signed in its name.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import ExtendedKeyUsageOID

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    usages = [ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.ObjectIdentifier(CLAIM_SIGNING)]
    root = _certificate(root_key, root_key, [], certifies=True)
    leaf = _certificate(key, root_key, [x509.ExtendedKeyUsage(usages)], certifies=False)
    chain = b"".join(made.public_bytes(Encoding.PEM) for made in (leaf, root))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(chain, pem, "es256")


def _certificate(subject: object, issuer: object, usages: list, certifies: bool) -> object:
    """A certificate for the key `subject`, signed by the key `issuer`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    def named(key: object) -> x509.Name:
        digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()
        parts = {x509.NameOID.COMMON_NAME: f"key {digest[:12]}"}
        parts[x509.NameOID.ORGANIZATION_NAME] = ORGANIZATION
        return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts.items()])

    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    others = dict.fromkeys([*names, "encipher_only", "decipher_only"], False)
    usage = x509.KeyUsage(
        digital_signature=not certifies, key_cert_sign=certifies, crl_sign=certifies, **others
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(subject.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of the machines that read it may be a little behind.
        .not_valid_before(now - day)
        .not_valid_after(now + YEARS * 365 * day)
        .add_extension(x509.BasicConstraints(certifies, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False
        )
    )
    for extension in usages:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer, hashes.SHA256())


def _keep_new(folder: Path) -> None:
    """Make the key of first use; of processes that do so at once, one wins and all use its key.

    Args:
        folder: where to; it does not exist.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = new_identity()
    passing = Path(tempfile.mkdtemp(prefix=".signing-", dir=folder.parent))  # mode 0700
    try:
        for name, content in ((CHAIN, made.chain), (KEY, made.key)):
            handle = os.open(passing / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
        passing.rename(folder)  # refused where another process was quicker
        log.info("A key for signing videos was made: %s (for you alone; keep it secret).", folder)
    except OSError:
        shutil.rmtree(passing, ignore_errors=True)
        if not folder.exists():
            raise


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): correct the path.") from None


def _algorithm(key: object, path: Path) -> str:
    """Name in C2PA of what a private key signs with.

    Raises:
        UserError: C2PA knows no algorithm for it.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise UserError(
        f"{path} is of a kind that C2PA does not sign with: use an elliptic curve (P-256, P-384, "
        "P-521), Ed25519, or RSA of 2048 bits or more."
    )
