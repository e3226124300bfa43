"""The command `unigs verify`: what a video says of itself, and whether that can be believed."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from dataclasses import asdict, dataclass, field
from pathlib import Path

from unigs.provenance.statement import ACTIONS, PORTRAIT
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError
from unigs.stage.printed import WIDTH

UNFIT = 1
"""Exit code where the signature does not fit, or there is none."""
CONTAINER = ("major_brand", "minor_version", "compatible_brands")
"""Tags that say something of the file's form alone."""


@dataclass(frozen=True)
class Verdict:
    """What was read in a video."""

    signed: bool
    """Whether there is a manifest."""
    fits: bool
    """Whether its signature is good and nothing was changed since."""
    vouched_for: bool
    """Whether the signer is this user's own key, or one that a given certificate vouches for."""
    signer: str = ""
    """Who signed, as the certificate says."""
    faults: list[str] = field(default_factory=list)
    """What does not fit."""
    source_type: str = ""
    """IPTC's address for what kind of media it is; empty if that is not said."""
    program: str = ""
    """Program that made it."""
    about: dict = field(default_factory=dict)
    """What is said of portrait, sound, clip and visible mark."""
    tags: dict[str, str] = field(default_factory=dict)
    """The file's metadata."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs verify`.

    Args:
        parser: parser of what stands behind `unigs verify`.
    """
    parser.description = (
        "Read the signed manifest and the metadata of a video back, and say in words what they "
        "say. The exit code is 0 if the signature fits, 1 if it does not or there is none, and 2 "
        "if the file cannot be read. Nothing is asked over the network."
    )
    parser.add_argument("video", metavar="VIDEO", type=Path, help="the video (.mp4)")
    parser.add_argument(
        "--trust", metavar="PEM", type=Path, action="append", default=[],
        help="certificate whose word is taken for a signer; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--portrait", type=Path, help="portrait (.safetensors) that must be the one that speaks"
    )
    parser.add_argument("--sound", type=Path, help="sound file that must be the one spoken")
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")
    parser.set_defaults(run=_run)


def _run(words: argparse.Namespace) -> None:
    verdict = verify(words.video, words.trust, words.portrait, words.sound)
    if words.json:
        print(json.dumps(asdict(verdict), indent=2))
    else:
        print("\n".join(lines(verdict)))
    if not verdict.fits:
        sys.stdout.flush()
        sys.exit(UNFIT)


def verify(
    video: Path,
    trust: list[Path] | tuple[Path, ...] = (),
    portrait: Path | None = None,
    sound: Path | None = None,
) -> Verdict:
    """Read what a video says of itself.

    Args:
        video: the video (.mp4).
        trust: certificates (.pem) whose word is taken for a signer, beside this user's own key.
        portrait: portrait that must be the one that speaks; None: any.
        sound: sound file that must be the one spoken; None: any.

    Raises:
        UserError: a file cannot be read, or c2pa-python is not installed.
    """
    from unigs.media.tags import read_tags
    from unigs.provenance.keys import own_anchor
    from unigs.provenance.manifest import can_sign, read_manifest

    tags = {name: text for name, text in read_tags(video).items() if name not in CONTAINER}
    if not can_sign():
        raise UserError("manifests cannot be read without c2pa-python: pip install c2pa-python.")
    # Before the video is judged: what cannot be read says nothing of it.
    named = {"portrait": portrait, "sound": sound}
    digests = {name: _digest(file) for name, file in named.items() if file is not None}
    own = own_anchor()
    anchors = [*([own] if own else []), *map(_pem, trust)]
    reading = read_manifest(video, anchors)
    if reading is None:
        return Verdict(False, False, False, tags=tags)
    faults = [*reading.faults]
    about = reading.assertion(PORTRAIT)
    for name, digest in digests.items():
        part = about.get(name)
        said = part.get("sha256") if isinstance(part, dict) else None
        if said != digest:
            faults.append(f"{named[name]} is not the {name} that the manifest names")
    fits = reading.fits and not (len(faults) > len(reading.faults))
    created = _first(reading.assertion(ACTIONS).get("actions"))
    made = _first(reading.manifest.get("claim_generator_info"))
    return Verdict(
        signed=True,
        fits=fits,
        vouched_for=reading.trusted,
        signer=reading.signer,
        faults=faults,
        source_type=str(created.get("digitalSourceType", "")),
        program=f"{made.get('name', 'unknown')} {made.get('version', '')}".strip(),
        about=about,
        tags=tags,
    )


def _first(objects: object) -> dict:
    """The first object of a list; an empty one where a stranger's manifest holds no such list."""
    first = objects[0] if isinstance(objects, list) and objects else None
    return first if isinstance(first, dict) else {}


def lines(verdict: Verdict) -> list[str]:
    """A verdict in words, a line for each thing.

    Args:
        verdict: what was read; all its texts may be a stranger's.
    """
    said = [("manifest", _of_manifest(verdict))]
    if verdict.signed:
        said += [("signed by", _of_signer(verdict)), ("made by", verdict.program or "not said")]
        said += [("kind of media", verdict.source_type.rpartition("/")[2] or "not said")]
    for name, value in verdict.about.items():
        said += _flat(name.replace("_", " "), value)
    said += [(f"metadata, {name}", text) for name, text in verdict.tags.items()]
    if not verdict.tags:
        said.append(("metadata", "none"))
    return [_line(name, text) for name, text in said]


def _of_manifest(verdict: Verdict) -> str:
    if not verdict.signed:
        return (
            "there is none: it was never signed, or an upload, say, took the manifest out. What "
            "metadata say can be written by anybody."
        )
    if verdict.fits:
        return "the signature fits: nothing of the video was changed since it was signed."
    return "IT DOES NOT FIT: " + "; ".join(verdict.faults or ["the library gives no reason"])


def _of_signer(verdict: Verdict) -> str:
    if verdict.vouched_for:
        return f"{verdict.signer} (known here)"
    return (
        f"{verdict.signer} (nobody known here vouches for this name: anybody can make such a "
        "certificate; --trust names one that you know)"
    )


def _flat(name: str, value: object) -> list[tuple[str, str]]:
    """A value of the manifest as lines: those of an object one by one."""
    if isinstance(value, dict):
        return [line for key, part in value.items() for line in _flat(f"{name}, {key}", part)]
    return [(name, str(value))]


def _line(name: str, text: str) -> str:
    """A line without characters that a terminal would obey."""
    shown = "".join(c if c.isprintable() else "?" for c in f"{name}: {text}")
    return textwrap.fill(shown, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _digest(path: Path) -> str:
    try:
        return checksum(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check the path.") from None


def _pem(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check the path.") from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise UserError(f"{path} holds no certificate in PEM form.")
    return content
