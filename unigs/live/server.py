"""The server of `unigs live`: the page, its viewers, and what they send to be said."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from aiohttp import WSMsgType, web

from unigs.live.access import Access, refused
from unigs.live.load import Speaker
from unigs.live.rtc import Viewer, listen_on
from unigs.live.show import Show
from unigs.live.speech_synthesis import SpeechSynthesis, clean_text
from unigs.live.uploads import MOST_MB, read_upload, shown_name
from unigs.live.utterance import Utterance
from unigs.provenance.statement import SYNTHETIC
from unigs.stage.errors import UserError

log = logging.getLogger("unigs")

FOLDER = Path(__file__).parent / "templates"
"""Files of the page."""
TYPES = {".js": "text/javascript", ".css": "text/css"}
"""Types of the page's files."""
MOST_VIEWERS = 8
"""Viewers at once: each costs an encoder."""
MOST_INTAKE, WORKERS = 8, 2
"""Texts and files at once that are made into sound, and threads that do so: apart from those that
encode for viewers, who must not wait for them."""
UPLOAD_SECONDS = 60
"""Seconds within which a file has to come: while it does it keeps a place from others."""
MOST_JSON = 100_000
"""Bytes of a message in JSON."""
MOST_CHUNK = 200_000
"""Bytes of a piece of a microphone's sound: 2 s."""
MB = 1_000_000


class LiveServer:
    """Shows one speaker to several viewers.

    Args:
        speaker: the portrait.
        access: who may reach the server.
        synthesis: what speaks texts; None: nothing does.
    """

    def __init__(self, speaker: Speaker, access: Access, synthesis: SpeechSynthesis | None) -> None:
        self.speaker, self.access, self.synthesis = speaker, access, synthesis
        self.engine = speaker.engine
        self.stopping: asyncio.Event | None = None
        self.failure: Exception | None = None
        self.show = Show(self.engine, self._failed)
        self.viewers: set[Viewer] = set()
        self.microphone: web.WebSocketResponse | None = None
        self.turn = self.intake = 0
        self.port = 0
        self.workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="live_intake")

    async def run(self, port: int, started: asyncio.Event | None = None) -> None:
        """Serve until `stop` is called.

        Args:
            port: that is listened on; 0: any that is free, then in `port`.
            started: set when visitors can come.

        Raises:
            UserError: the port cannot be had.
            Exception: what ended the show.
        """
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        listen_on(self.access.host)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=2)
        await runner.setup()
        try:
            await asyncio.to_thread(self.engine.warm_up)
            await self._listen(runner, port)
            self.show.start()
            if started is not None:
                started.set()
            await self.stopping.wait()
        finally:
            await asyncio.to_thread(self.show.stop)
            if self.microphone is not None:
                await self.microphone.close()
            for viewer in list(self.viewers):
                await self._gone(viewer)
            await runner.cleanup()
            await asyncio.to_thread(self.workers.shutdown, cancel_futures=True)
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """Let `run` end."""
        if self.stopping is not None:
            self.stopping.set()

    async def _listen(self, runner: web.AppRunner, port: int) -> None:
        try:
            await web.TCPSite(runner, self.access.host, port).start()
        except OSError as error:
            raise UserError(
                f"port {port} of {self.access.host} cannot be had ({error.strerror}): choose "
                "another with --port."
            ) from None
        self.port = runner.addresses[0][1]

    def _failed(self, error: Exception) -> None:
        self.failure = error
        self.loop.call_soon_threadsafe(self.stop)

    def _application(self) -> web.Application:
        made = web.Application(middlewares=[self.access.guard], client_max_size=MOST_JSON)
        made.add_routes(
            [
                web.get("/", self._page),
                web.get("/{name:[a-z]+\\.(js|css)}", self._file),
                web.get("/state", self._state),
                web.post("/offer", self._offer),
                web.post("/say", self._say),
                web.post("/sound", self._sound),
                web.post("/interrupt", self._interrupt),
                web.get("/microphone", self._microphone),
            ]
        )
        return made

    async def _page(self, request: web.Request) -> web.Response:
        text = (FOLDER / "page.html").read_text(encoding="utf-8")
        parts = {
            "TITLE": html.escape(self.speaker.title),
            "NOTICE": html.escape(SYNTHETIC),
            "STATEMENT": html.escape(self.speaker.statement),
        }
        for name, part in parts.items():
            text = text.replace(f"%%{name}%%", part)
        return web.Response(text=text, content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        path = FOLDER / request.match_info["name"]
        if not path.is_file():
            return refused(404, "there is no such file.")
        return web.Response(text=path.read_text(encoding="utf-8"), content_type=TYPES[path.suffix])

    async def _state(self, request: web.Request) -> web.Response:
        more = {"viewers": len(self.viewers), "microphone": self.microphone is not None}
        return web.json_response(self.show.state() | more)

    async def _offer(self, request: web.Request) -> web.Response:
        sdp = (await _json(request)).get("sdp")
        if not isinstance(sdp, str):
            raise UserError("there is no offer: send one as sdp.")
        # From here to the new viewer nothing is awaited, so that no two take the last place.
        if len(self.viewers) >= MOST_VIEWERS:
            return refused(503, f"{MOST_VIEWERS} people watch already, which is the most.")
        viewer = Viewer(self.engine.fps, self._gone)
        self.viewers.add(viewer)
        try:
            answer = await viewer.answer(sdp)
        except UserError:
            self.viewers.discard(viewer)
            raise
        self.show.add(viewer.show)
        return web.json_response({"sdp": answer, "type": "answer"})

    async def _gone(self, viewer: Viewer) -> None:
        if viewer in self.viewers:
            self.viewers.discard(viewer)
            self.show.remove(viewer.show)
            await viewer.close()

    async def _say(self, request: web.Request) -> web.Response:
        text = clean_text((await _json(request)).get("text"))
        if self.synthesis is None:
            raise UserError(
                "texts need a speech synthesis: install espeak-ng, or name another with "
                "--speech-synthesis."
            )
        with self._intake() as turn:
            voice = f"synthesis {self.synthesis.name}"
            made = await self._made("the text", voice, self.synthesis.speak, text)
        return self._queue(made, turn)

    async def _sound(self, request: web.Request) -> web.Response:
        name = shown_name(request.query.get("name", ""))
        with (
            self._intake() as turn,
            tempfile.TemporaryDirectory(prefix="unigs-live-") as folder,
        ):
            path = Path(folder, "upload")
            try:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    await _receive(request, path, name)
            except TimeoutError:
                raise UserError(
                    f"{name} did not come within {UPLOAD_SECONDS} seconds: send a part of it, or "
                    "MP3."
                ) from None
            made = await self._made(name, None, read_upload, path, name)
        return self._queue(made, turn)

    @contextmanager
    def _intake(self) -> Iterator[int]:
        """Room for one text or file; the number of this turn, which an interruption ends."""
        if self.microphone is not None:
            raise UserError("the microphone is on: switch it off first.")
        if self.intake >= MOST_INTAKE:
            raise UserError(f"{MOST_INTAKE} texts and files are being read already: wait a little.")
        self.intake += 1
        try:
            yield self.turn
        finally:
            self.intake -= 1

    async def _made(
        self, name: str, voice: str | None, work: Callable[..., np.ndarray], *given: object
    ) -> Utterance:
        """What some work gives to say, without letting viewers wait for it."""

        def make() -> Utterance:
            return self.engine.prepare(work(*given), name, voice)

        return await self.loop.run_in_executor(self.workers, make)

    def _queue(self, made: Utterance, turn: int) -> web.Response:
        """Queue what was made, unless somebody interrupted meanwhile."""
        if turn != self.turn:
            return refused(409, f"{made.name} was interrupted before it could be said.")
        seconds = made.seconds
        self.engine.queue_up(made)
        return web.json_response({"seconds": round(seconds, 2)})

    async def _interrupt(self, request: web.Request) -> web.Response:
        self.turn += 1
        return web.json_response({"dropped_seconds": round(self.engine.interrupt(), 2)})

    async def _microphone(self, request: web.Request) -> web.StreamResponse:
        """A microphone: pieces of sound come as int16 at 48 kHz; a text comes back as it is."""
        if self.microphone is not None:
            return refused(409, "somebody else speaks into the microphone.")
        socket = web.WebSocketResponse(max_msg_size=MOST_CHUNK, heartbeat=10)
        if not socket.can_prepare(request).ok:
            return refused(400, "the microphone comes by a web socket.")
        self.microphone = socket
        self.turn += 1
        self.engine.interrupt()
        utterance = None
        try:
            await socket.prepare(request)
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await socket.send_str(message.data[:100])
                elif message.type == WSMsgType.BINARY:
                    if utterance is None or utterance.ended:
                        utterance = self.engine.open("the microphone", "microphone", hurried=True)
                    usable = message.data[: len(message.data) // 2 * 2]
                    utterance.push(np.frombuffer(usable, "<i2").astype(np.float32) / 32768)
        except UserError as error:
            await socket.close(message=str(error).encode()[:100])
        finally:
            if utterance is not None:
                utterance.end()
            self.microphone = None
        return socket


async def _receive(request: web.Request, path: Path, name: str) -> None:
    """Write the file that a request holds.

    Raises:
        UserError: it holds none, or too much.
    """
    size = 0
    with path.open("wb") as file:
        async for chunk in request.content.iter_chunked(2**16):
            size += len(chunk)
            if size > MOST_MB * MB:
                raise UserError(
                    f"{name} has more than {MOST_MB} MB, which is the most: send a part of it, or "
                    "MP3."
                )
            file.write(chunk)
    if not size:
        raise UserError(f"{name} is empty: send a sound file.")


async def _json(request: web.Request) -> dict:
    """The JSON object that a request holds.

    Raises:
        UserError: it holds none, or too much.
    """
    if request.content_type != "application/json":
        raise UserError("this is no JSON: send it as application/json.")
    try:
        value = json.loads(await request.text())
    except web.HTTPRequestEntityTooLarge:
        raise UserError(f"this is more than {MOST_JSON} bytes: send less.") from None
    except (ValueError, RecursionError, LookupError):  # the last one: letters of no known kind
        raise UserError("this is no JSON that can be read.") from None
    if not isinstance(value, dict):
        raise UserError("this is no JSON object.")
    return value
