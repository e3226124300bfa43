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


class PassingError(UserError):
    """A failure that another attempt may not meet."""


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
        raise UserError(f'"{url}" is no address ({error}): correct it in the sheet.') from None
    if parts.scheme not in ("http", "https", "file"):
        raise UserError(f'"{url}" is no http, https or file address: correct it in the sheet.')
    path, query = (quote(part, safe=string.punctuation) for part in (parts.path, parts.query))
    return SplitResult(parts.scheme, host, path, query, "")


def copy_local(url: str, out: Path) -> None:
    """Copy the file of a file address; only the sheet can name one, never a server.

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


def download(url: str, out: Path) -> str:
    """Stream a file, again after failures that can pass.

    Args:
        url: http or https address.
        out: file to write.

    Returns:
        What the server calls the content, like video/mp4.

    Raises:
        UserError: the address cannot be reached, the server refuses, or the transfer ends early.
    """
    address = urlunsplit(split_address(url))
    for pause in PAUSES:
        try:
            return _download_once(url, address, out)
        except PassingError as error:
            log.info("%s Once more in %g s.", error, pause)
            time.sleep(pause)
    return _download_once(url, address, out)


def _download_once(url: str, address: str, out: Path) -> str:
    """Stream a file in one attempt.

    Args:
        url: the address as people gave it, for messages.
        address: the address as the server is sent it.
        out: file to write.

    Raises:
        PassingError: server or network may do better another time.
        UserError: they will not.
    """
    request = urllib.request.Request(address, headers={"User-Agent": "unigs"})
    try:
        with _opener().open(request, timeout=SILENCE) as answer, open(out, "wb") as file:
            size = answer.length
            blocks = iter(lambda: answer.read(DOWNLOAD_CHUNK), b"")
            total = -(-size // DOWNLOAD_CHUNK) if size else None
            for block in progress(blocks, total=total, label="download"):
                file.write(block)
            if size and file.tell() != size:
                raise PassingError(f"{url} broke off after {file.tell()} of {size} bytes.")
            return answer.headers.get_content_type()
    except http.client.IncompleteRead:
        raise PassingError(f"{url} broke off before its end.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        kind = PassingError if _can_pass(error) else UserError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        status = f"{error.code} " if isinstance(error, urllib.error.HTTPError) else ""
        raise kind(f"{url} cannot be fetched: {status}{reason}.") from None


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
