"""Who may reach the server: this machine's own pages, or from elsewhere who has the token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from unigs.stage.errors import UserError
from unigs.stage.own_page import is_loopback, page_at, why_foreign

COOKIE = "unigs_live"
"""Cookie that holds the token."""
LEAST = 16
"""Characters of a token at least."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
        "connect-src 'self'; media-src 'self' blob:; img-src 'self' data:; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers of every answer."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Access:
    """Where the server listens, and what it asks for."""

    host: str = "127.0.0.1"
    """Address that it is bound to."""
    token: str = ""
    """What a visitor has to show; empty: nothing, on the loopback alone."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def page(self) -> str:
        """Address of the server in a browser, without its port."""
        return page_at(self.host)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse who may not, and put the headers on every answer."""
        refusal = self._refusal(request)
        if refusal is not None:
            answer: web.StreamResponse = refused(*refusal)
        elif self.token and request.path == "/" and "token" in request.query:
            # Out of the address bar, which people share and browsers remember.
            answer = web.Response(status=303, headers={"Location": "/"})
            answer.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
        else:
            try:
                answer = await handler(request)
            except UserError as error:
                answer = refused(400, str(error))
            except web.HTTPException as error:
                # The router's: there is no such place, or none for this method.
                answer = refused(error.status, f"there is no {request.method} of this address.")
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    def _refusal(self, request: web.Request) -> tuple[int, str] | None:
        foreign = why_foreign(self.host, request.host, request.headers.get("Origin"))
        if foreign is not None:
            return 403, foreign
        if self.token and not self._knows_token(request):
            return 401, "the token is missing or wrong: open the address that unigs live printed."
        return None

    def _knows_token(self, request: web.Request) -> bool:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        given = [bearer, request.cookies.get(COOKIE, "")]
        if request.path == "/":
            given.append(request.query.get("token", ""))
        # What was no UTF-8 on its way here has become surrogates.
        tried = (one.encode(errors="surrogatepass") for one in given)
        return any(hmac.compare_digest(self.token.encode(), one) for one in tried)


def access_of(host: str, token: str) -> Access:
    """Who may reach a server.

    Args:
        host: address that it is bound to, or `localhost`.
        token: what a visitor has to show; empty: on the loopback nothing, elsewhere a new one.

    Raises:
        UserError: the host is no address, or the token is too short.
    """
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise UserError(
            f"{host} is no address: give one of this machine's, such as 192.168.1.5, or 0.0.0.0 "
            "for all of them."
        ) from None
    if token and (len(token) < LEAST or not token.isascii() or not token.isprintable()):
        raise UserError(f"a token needs {LEAST} characters or more, letters and digits.")
    return Access(host, token or ("" if loopback else secrets.token_urlsafe(24)))


def refused(status: int, sentence: str) -> web.Response:
    """An answer that says in a sentence why not."""
    return web.json_response({"error": sentence}, status=status)
