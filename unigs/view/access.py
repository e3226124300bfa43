"""Who may reach the viewer: its address, and a server that serves its own page alone."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unigs.stage.errors import UserError
from unigs.stage.own_page import why_foreign

if TYPE_CHECKING:
    from viser import ViserServer

log = logging.getLogger("unigs")


@dataclass(frozen=True)
class Address:
    """Where the viewer is served."""

    host: str = "127.0.0.1"
    """Address of the interface; that of other machines only if somebody asks for it."""
    port: int = 8080
    """Port."""


def refuse_taken(address: Address) -> None:
    """Stop if a port cannot be had: viser would silently take another one.

    Args:
        address: the host and the port; 0: any that is free.

    Raises:
        UserError: another program has it, or the host is not this machine's.
    """
    try:
        kind = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind[0], kind[1]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(kind[4])
    except OSError as error:
        raise UserError(
            f"nothing can be served at {address.host}, port {address.port} ({error.strerror}): "
            "choose another --port, or another --host."
        ) from None


def server_class() -> type[ViserServer]:
    """viser's server, for its own page alone and without the tunnel that any client could open.

    Raises:
        UserError: viser is not installed.
    """
    try:
        import viser
    except ImportError:
        raise UserError(
            "the viewer needs viser: pip install 'unigs[view]' (in a checkout: pip install -c "
            "constraints.txt -e '.[view]')."
        ) from None

    # It would tell of every connection.
    logging.getLogger("websockets").setLevel(logging.WARNING)

    class LocalServer(viser.ViserServer):
        def __init__(self, host: str, port: int, verbose: bool) -> None:
            with own_page_alone(host):
                super().__init__(host, port, verbose=verbose)

        def request_share_url(self, verbose: bool = True) -> None:
            """Refuse."""
            log.warning("somebody asked to publish the viewer; it is not published.")

    return LocalServer


@contextlib.contextmanager
def own_page_alone(address: str) -> Iterator[None]:
    """Let a server that viser starts meanwhile turn pages of strangers away.

    viser asks nobody where he comes from, and has no setting for that: any page that is open in the
    same browser could connect, look at the person and move the sliders.

    Args:
        address: that the server is bound to.

    Raises:
        UserError: viser has started none in the way that is known here.
    """
    from websockets.asyncio import server

    serve, guarded = server.serve, []

    def serve_guarded(*given: object, process_request: object, **more: object) -> object:
        def judged(connection: object, request: object) -> object:
            host, origins = (request.headers.get_all(name) for name in ("Host", "Origin"))
            origin = " ".join(origins) if origins else None
            foreign = why_foreign(address, " ".join(host), origin)
            if foreign is not None:
                return connection.respond(403, foreign + "\n")
            return process_request(connection, request)

        guarded.append(address)
        return serve(*given, process_request=judged, **more)

    server.serve = serve_guarded
    try:
        yield
    finally:
        server.serve = serve
    if not guarded:
        raise UserError(
            "this viser starts its server in another way than the viewer knows: pip install "
            "'viser==1.1.*'."
        )
