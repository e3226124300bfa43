"""The command `unigs live`: a portrait that answers, in a page of a browser."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
import signal
from typing import TYPE_CHECKING

from unigs.stage.errors import UserError
from unigs.workflow.portrait_files import USUAL

if TYPE_CHECKING:
    from unigs.live.server import LiveServer

log = logging.getLogger("unigs")

PACKAGES = ("aiohttp", "aioice", "aiortc", "av", "ifaddr")
"""What the extra `live` installs."""
PORT = 8765
"""Port that is listened on."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs live`.

    Args:
        parser: parser of what stands behind `unigs live`.
    """
    parser.description = (
        "Show a finished portrait live in a page of a browser: it says what people say into a "
        "microphone, what a sound file holds, and what they write. Only this machine reaches the "
        "page unless --host says otherwise; then it asks for a token."
    )
    parser.add_argument("subject", metavar="NAME", help="name of the portrait, or its folder")
    parser.add_argument("--variant", default=USUAL, help=f"its variant (default: {USUAL})")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0: all of this machine's (default: 127.0.0.1)",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"port (default: {PORT})")
    parser.add_argument(
        "--token",
        default="",
        help="what visitors have to show (default: none on this machine, else a new one)",
    )
    parser.add_argument(
        "--speech-synthesis",
        default="",
        metavar="CMD",
        help="what speaks texts: the name of an installed one, or a command that reads a text and "
        "writes a sound file (default: espeak-ng)",
    )
    parser.set_defaults(run=_run)


def _run(words: argparse.Namespace) -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"unigs live needs {', '.join(missing)}, which is not installed: "
            "pip install 'unigs[live]'."
        )
    if not 0 <= words.port < 65536:
        raise UserError(f"there is no port {words.port}: give one from 1 to 65535.")
    from unigs.live.access import access_of
    from unigs.live.load import load_speaker
    from unigs.live.server import LiveServer
    from unigs.live.speech_synthesis import find_synthesis

    access = access_of(words.host, words.token)
    synthesis = find_synthesis(words.speech_synthesis)
    server = LiveServer(load_speaker(words.subject, words.variant), access, synthesis)
    asyncio.run(_serve(server, words.port))


async def _serve(server: LiveServer, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    # Of each connection they tell many lines.
    for library in ("aioice", "aiortc"):
        logging.getLogger(library).setLevel(logging.WARNING)
    loop, started = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    serving = asyncio.create_task(server.run(port, started))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if started.is_set():
        for line in _told(server):
            print(line, flush=True)
    waiting.cancel()
    await serving


def _told(server: LiveServer) -> list[str]:
    access = server.access
    query = f"?token={access.token}" if access.token else ""
    lines = [f"The page: {access.page}:{server.port}/{query}", "Ctrl-C ends it."]
    if server.synthesis is None:
        lines.insert(1, "Texts cannot be spoken: install espeak-ng, or see --speech-synthesis.")
    if not access.is_loopback:
        lines.insert(
            1,
            "Browsers give the microphone to pages of this machine and to https alone: put a "
            "proxy with https before it where others should speak.",
        )
    return lines
