"""A file from the network or from this machine: whole, or one sentence that says why not."""

import http.client
import logging
import shutil
import socket
import ssl
import string
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from unigs.stage.errors import UserError
from unigs.stage.progress import progress

log = logging.getLogger("unigs")

DOWNLOAD_CHUNK = 1 << 20
"""Bytes that are read at once."""
SILENCE = 60
"""Seconds without a byte after which a server is given up."""
PAUSES = (2, 8, 30)
"""Seconds before each further attempt after a failure that can pass."""
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Status codes of servers that are busy or down, not of addresses that are wrong."""
PART, NOTHING_LEFT = 206, 416
"""Status codes of a part of a file, and of a part that begins behind its end."""


class TransferError(UserError):
    """A file did not come over the network.

    Args:
        message: a sentence for people.
        passing: whether another attempt may not meet the failure.
        reached: whether there was a server at all.
    """

    def __init__(self, message: str, passing: bool, reached: bool = True) -> None:
        super().__init__(message)
        self.passing, self.reached = passing, reached


@dataclass(frozen=True)
class Manner:
    """How a file is fetched."""

    resume: bool = False
    """Go on where the file that is to be written ends; else begin anew."""
    limit: int | None = None
    """Bytes after which the transfer is given up; None: any number."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the server is told besides; no other server hears it."""
    insist: bool = True
    """Wait for a server that cannot be reached; else only for one that was reached."""
    silence: float = SILENCE
    """Seconds without a byte after which a server is given up."""
    label: str = "download"
    """What stands before the progress."""


def split_address(url: str) -> SplitResult:
    """An address in parts, each as a server must be sent it: spaces and umlauts encoded.

    Args:
        url: http, https or file address, as people type or copy it.

    Raises:
        UserError: the address is none, or of another kind.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc.encode("idna").decode()
    except ValueError as error:
        raise UserError(f'"{url}" is no address ({error}): correct it.') from None
    if parts.scheme not in ("http", "https", "file"):
        raise UserError(f'"{url}" is no http, https or file address: correct it.')
    path, query = (quote(part, safe=string.punctuation) for part in (parts.path, parts.query))
    return SplitResult(parts.scheme, host, path, query, "")


def copy_local(url: str, out: Path) -> None:
    """Copy the file of a file address; only people can name one, never a server.

    Args:
        url: file address.
        out: file to write.

    Raises:
        UserError: the address names another machine, or no file that can be read.
    """
    parts = split_address(url)
    path = Path(unquote(parts.path))
    if parts.netloc not in ("", "localhost"):
        raise UserError(f"{url} names another machine: write file:///path, with three slashes.")
    if not path.is_file():
        raise UserError(f"{url} cannot be fetched: there is no file {path}.")
    try:
        shutil.copyfile(path, out)
    except OSError as error:
        raise UserError(f"{url} cannot be fetched: {error.strerror}.") from None


def download(url: str, out: Path, manner: Manner = Manner()) -> str:
    """Stream a file, again after failures that can pass.

    Args:
        url: http or https address.
        out: file to write.
        manner: how it is fetched.

    Returns:
        What the server calls the content, like video/mp4.

    Raises:
        TransferError: the address cannot be reached, the server refuses, or the transfer ends
            early.
        UserError: the address is none.
    """
    address = urlunsplit(split_address(url))
    for pause in PAUSES:
        try:
            return _download_once(url, address, out, manner)
        except TransferError as error:
            if not error.passing or not (error.reached or manner.insist):
                raise
            log.info("%s Once more in %g s.", error, pause)
            time.sleep(pause)
    return _download_once(url, address, out, manner)


def _download_once(url: str, address: str, out: Path, manner: Manner) -> str:
    """Stream a file in one attempt.

    Args:
        url: the address as people gave it, for messages.
        address: the address as the server is sent it.
        out: file to write.
        manner: how it is fetched.

    Raises:
        TransferError: the file did not come, or not the whole of it.
    """
    start = out.stat().st_size if manner.resume and out.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "unigs"})
    for name, value in manner.headers.items():
        request.add_unredirected_header(name, value)
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with _opener().open(request, timeout=manner.silence) as answer:
            _receive(answer, start if _goes_on(answer, start) else 0, out, url, manner)
            return answer.headers.get_content_type()
    except http.client.IncompleteRead:
        raise TransferError(f"{url} broke off before its end.", passing=True) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        if start and getattr(error, "code", None) == NOTHING_LEFT:
            out.unlink()
            return _download_once(url, address, out, manner)
        raise _failure(url, error) from None


def _receive(
    answer: http.client.HTTPResponse, start: int, out: Path, url: str, manner: Manner
) -> None:
    """Write what a server sends.

    Args:
        answer: what it sends.
        start: bytes of the file that are kept.
        out: file to write.
        url: the address, for messages.
        manner: how the file is fetched.

    Raises:
        TransferError: the transfer ends early, or does not end where it should.
    """
    size = start + answer.length if answer.length else None
    with open(out, "ab" if start else "wb") as file:
        blocks = iter(lambda: answer.read(DOWNLOAD_CHUNK), b"")
        total = -(-answer.length // DOWNLOAD_CHUNK) if size else None
        for block in progress(blocks, total=total, label=manner.label):
            file.write(block)
            if manner.limit is not None and file.tell() > manner.limit:
                raise TransferError(f"{url} is longer than {manner.limit} bytes.", passing=False)
        if size and file.tell() != size:
            raise TransferError(f"{url} broke off after {file.tell()} of {size} bytes.", True)


def _goes_on(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether a server sends the rest of a file of which the first `start` bytes are there."""
    rest = answer.headers.get("Content-Range", "")
    return answer.status == PART and rest.startswith(f"bytes {start}-")


def _failure(url: str, error: Exception) -> TransferError:
    """An error of the transfer as a sentence."""
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    answered = isinstance(error, urllib.error.HTTPError)
    status = f"{error.code} " if answered else ""
    return TransferError(
        f"{url} cannot be fetched: {status}{reason}.",
        passing=_can_pass(error),
        reached=answered or not isinstance(error, urllib.error.URLError),
    )


def _opener() -> urllib.request.OpenerDirector:
    """What opens http and https and nothing else, wherever a server redirects to."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _can_pass(error: Exception) -> bool:
    """Whether another attempt may not meet an error of the transfer."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code in PASSING
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    if isinstance(cause, ssl.SSLCertVerificationError):
        return False
    return isinstance(cause, ConnectionError | TimeoutError | ssl.SSLError)
