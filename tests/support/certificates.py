"""Certificates of a made-up authority, and videos to sign."""

import datetime
from pathlib import Path

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from unigs.media.video import VideoWriter

KINDS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
}
"""Name -> a new private key."""
DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, text),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio of the tests"),
        ]
    )


def _certificate(key, signer, subject, issuer, certifies, usage, days):
    now = datetime.datetime.now(datetime.UTC)
    off = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 400 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.BasicConstraints(certifies, None), True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not certifies, key_cert_sign=certifies, crl_sign=certifies, **off
            ),
            True,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    return builder.sign(signer, hashes.SHA256())


def write_certificate(
    folder: Path,
    kind: str = "p256",
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    days: int = 90,
    password: bytes | None = None,
) -> tuple[Path, Path, Path]:
    """Write chain, private key and the authority's certificate; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    root, key = KINDS["p256"](), KINDS[kind]()
    authority = _certificate(root, root, "authority", "authority", True, None, 900)
    leaf = _certificate(key, root, "Ann", "authority", False, usage, days)
    pem = [made.public_bytes(Encoding.PEM) for made in (leaf, authority)]
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    contents = {
        "chain.pem": b"".join(pem),
        "key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden),
        "authority.pem": pem[1],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)


def write_video(path: Path, frames: int = 12, **options: object) -> Path:
    """A small video of noise."""
    rng = np.random.default_rng(0)
    with VideoWriter(path, 64, 64, 25, **options) as writer:
        for _ in range(frames):
            writer.write(rng.integers(0, 256, (64, 64, 3), np.uint8))
    return path
