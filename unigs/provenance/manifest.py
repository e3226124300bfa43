"""C2PA manifests: a signed statement inside a video, and what it is worth when it is read.

The library is asked for nothing over the network: no time-stamps, no manifests from elsewhere, no
lists of revoked certificates.
"""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from unigs.provenance.keys import Identity
from unigs.stage.errors import UserError

log = logging.getLogger("unigs")

VIDEO = "video/mp4"
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
"""Settings of the library under which it reaches for nothing."""
UNTRUSTED = "signingCredential.untrusted"
"""What the library says where it knows nobody who vouches for a certificate."""
SMALLEST_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "606060000000050001a5f645400000000049454e44ae426082"
)
"""One pixel, to try a key on."""
DIGITAL_CREATION = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"
"""What IPTC calls a picture that somebody made up with a program."""


@dataclass(frozen=True)
class Reading:
    """A manifest as it was found in a video."""

    fits: bool
    """Whether the signature is good and nothing of video and manifest was changed since."""
    trusted: bool
    """Whether one of the given certificates vouches for the signer."""
    faults: list[str] = field(default_factory=list)
    """What does not fit, in the library's words."""
    signer: str = ""
    """Who signed, as the certificate says."""
    manifest: dict = field(default_factory=dict)
    """The manifest, as JSON values."""

    def assertion(self, label: str) -> dict:
        """The content of the manifest's assertion of a label; empty if there is none."""
        found = self.manifest.get("assertions")
        for entry in found if isinstance(found, list) else []:
            if isinstance(entry, dict) and entry.get("label") == label:
                return entry["data"] if isinstance(entry.get("data"), dict) else {}
        return {}


def can_sign() -> bool:
    """Whether the library is there; the log says why not."""
    try:
        import c2pa  # noqa: F401
        import cryptography  # noqa: F401
    except Exception as error:  # a library that the system cannot load, of whatever kind
        log.warning(
            "c2pa-python cannot be used (%s): videos get no signed manifest, only metadata and the "
            "visible mark. Install it anew: pip install c2pa-python.",
            error,
        )
        return False
    return True


def try_identity(identity: Identity) -> None:
    """Sign one pixel, so that a certificate that C2PA refuses is met before a video is made.

    Args:
        identity: certificates and key.

    Raises:
        UserError: C2PA does not take them.
    """
    first = {"action": "c2pa.created", "digitalSourceType": DIGITAL_CREATION}
    trial = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [first]}}]}
    _sign(io.BytesIO(SMALLEST_PNG), io.BytesIO(), "image/png", trial, identity)


def sign(video: Path, out: Path, definition: dict, identity: Identity) -> None:
    """Write a video with a signed manifest.

    Args:
        video: the video without one (.mp4).
        out: the video to write; it must not be the same file.
        definition: manifest as JSON values, see `unigs.provenance.statement`.
        identity: certificates and key.

    Raises:
        UserError: C2PA refuses the certificate.
        OSError: the video cannot be written.
    """
    with open(video, "rb") as source, _Watched(out, "w+") as target:
        try:
            _sign(source, target, VIDEO, definition, identity)
        except UserError:
            if target.failure:
                raise target.failure from None
            raise


def read_manifest(video: Path, anchors: Iterable[bytes] = ()) -> Reading | None:
    """The manifest of a video; None if it has none.

    Args:
        video: the video (.mp4).
        anchors: certificates (PEM) whose word is taken for a signer.

    Raises:
        UserError: the file cannot be read.
    """
    import c2pa

    pem = b"\n".join(anchors).decode("ascii", errors="replace")
    settings = OFFLINE | ({"trust": {"trust_anchors": pem}} if pem else {})
    try:
        with c2pa.Context.from_dict(settings) as context, open(video, "rb") as file:
            with c2pa.Reader(VIDEO, file, context=context) as reader:
                state, told = reader.get_validation_state(), json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return None
    except OSError as error:
        raise UserError(f"{video} cannot be read ({error.strerror}): check the path.") from None
    except (c2pa.C2paError, ValueError) as error:
        return Reading(False, False, [f"the manifest cannot be read ({error})"])
    manifest = told.get("manifests", {}).get(told.get("active_manifest"), {})
    status = [entry for entry in told.get("validation_status", []) if entry["code"] != UNTRUSTED]
    faults = [f"{entry['code']}: {entry.get('explanation', '')}" for entry in status]
    known = manifest.get("signature_info", {})
    signer = ", ".join(filter(None, (known.get("common_name"), known.get("issuer"))))
    return Reading(state in ("Valid", "Trusted"), state == "Trusted", faults, signer, manifest)


def _sign(
    source: io.IOBase, target: io.IOBase, kind: str, definition: dict, identity: Identity
) -> None:
    """Copy an asset of a media type with a signed manifest.

    Raises:
        UserError: the library refuses.
    """
    import c2pa

    info = c2pa.C2paSignerInfo(identity.algorithm, identity.chain, identity.key, None)
    try:
        signer = c2pa.Signer.from_info(info)
        with c2pa.Context.from_dict(OFFLINE, signer=signer) as context:
            with c2pa.Builder(definition, context=context) as builder:
                builder.sign(kind, source, target)
    except c2pa.C2paError as error:
        raise UserError(
            f"no manifest can be signed with this certificate (C2PA says: {error}): it must be "
            "meant for signing content (extended key usage claim signing, document signing or "
            "e-mail protection)."
        ) from None


class _Watched(io.FileIO):
    """A file that keeps what went wrong: the library says only that something did."""

    failure: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of it."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self.fileno(), rest) :]
        except OSError as error:
            self.failure = error
            raise
        return len(data)
