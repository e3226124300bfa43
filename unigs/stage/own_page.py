"""Whether a server is asked by its own page, or by that of a stranger in the same browser."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
"""Names under which a server on the loopback is reached, beside its own address. Under any other
name a page of a stranger could pretend to be this server's (DNS rebinding)."""


def is_loopback(address: str) -> bool:
    """Whether a server that is bound to an address, or to `localhost`, has this machine alone."""
    try:
        return address in LOOPBACK_NAMES or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def page_at(address: str) -> str:
    """Address of a server in a browser, without its port."""
    return f"http://[{address}]" if ":" in address else f"http://{address}"


def why_foreign(address: str, host: str, origin: str | None) -> str | None:
    """Why a request comes from no page of the server that is asked, in a sentence; None: it may.

    Args:
        address: that the server is bound to.
        host: what the request says that the server is called (Host).
        origin: server of the page that asks (Origin); None: no page does, or its own one.
    """
    known = LOOPBACK_NAMES | {address}
    if is_loopback(address) and _parts(f"//{host}").hostname not in known:
        return f"this server is not {host}: open it as {page_at(address)}."
    if origin is not None and _parts(origin).netloc != host:
        return "a page of another server may not use this one."
    return None


def _parts(address: str) -> SplitResult:
    """The parts of an address; all are empty where it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
