"""A viewer of `unigs live` by aiortc: what arrives, when, and how sound fits picture."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace

import numpy as np
from aiohttp import ClientSession
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from unigs.live.engine import Engine, Moment
from unigs.live.sound import SOUND_RATE

BLOCK = 0.15
"""Side of the block that shows loud sound, as a share of the picture's."""
LOUD = 0.1
"""Amplitude from which on sound is loud."""
FIRST_BEEP = 0.4
"""Seconds before the first beep: ten frames of 40 ms, so that a beep begins where a frame does."""
HERTZ = 700
"""Pitch of a beep."""
QUIET_SECONDS = 0.2
"""Seconds without loud sound before a beep begins."""


class StampedEngine(Engine):
    """An engine whose pictures show by a white block at the lower left that sound is loud."""

    def step(self, draw: bool = True) -> Moment:
        """The next moment; see `Engine.step`."""
        moment = super().step(draw)
        if moment.picture is None:
            return moment
        picture, side = moment.picture.copy(), round(BLOCK * self.size)
        loud = np.abs(moment.sound.astype(int)).max() > LOUD * 32767
        picture[-side:, :side] = 255 if loud else 0
        return replace(moment, picture=picture)


@dataclass
class Picture:
    """A picture that arrived."""

    arrived: float
    """Seconds of the monotonic clock."""
    place: float
    """Its time in the stream, seconds."""
    loud: bool
    """Whether its block is white."""
    follows: bool = False
    """Whether the picture one frame before it arrived, too."""


@dataclass
class Beep:
    """The beginning of a loud sound, in what arrived."""

    arrived: float
    """Seconds of the monotonic clock."""
    place: float
    """Its time in the stream, seconds."""


@dataclass
class Watcher:
    """A viewer that keeps what it needs for figures."""

    address: str
    """Of the server, without a slash at the end."""
    token: str = ""
    """What it shows the server."""
    pictures: list[Picture] = field(default_factory=list)
    beeps: list[Beep] = field(default_factory=list)
    last: np.ndarray | None = None
    """The last picture, uint8 [H,W,3]."""
    loudest: float = 0.0
    """Largest amplitude of the last packet of sound."""
    sound_seconds: float = 0.0
    """Seconds of sound that arrived."""

    async def __aenter__(self) -> Watcher:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self.session = ClientSession(headers=headers)
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tasks: list[asyncio.Task] = []
        for kind in ("video", "audio"):
            self.connection.addTransceiver(kind, direction="recvonly")
        works = {"video": self._watch, "audio": self._listen}
        self.connection.on(
            "track", lambda t: self.tasks.append(asyncio.ensure_future(works[t.kind](t)))
        )
        await self.connection.setLocalDescription(await self.connection.createOffer())
        answer = await self.post("offer", {"sdp": self.connection.localDescription.sdp})
        await self.connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()
        for task in self.tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, MediaStreamError):
                await task
        await self.session.close()

    async def post(self, path: str, value: object = None, data: bytes | None = None) -> dict:
        """What the server answers.

        Args:
            path: without a slash before it.
            value: sent as JSON.
            data: sent as it is, in place of a value.

        Raises:
            RuntimeError: it refuses; the text is its sentence.
        """
        body = {"json": value or {}} if data is None else {"data": data}
        async with self.session.post(f"{self.address}/{path}", **body) as answer:
            told = await answer.json()
        if "error" in told:
            raise RuntimeError(told["error"])
        return told

    async def state(self) -> dict:
        """What the server says is going on."""
        async with self.session.get(f"{self.address}/state") as answer:
            return await answer.json()

    async def until(self, condition: object, seconds: float = 20.0) -> None:
        """Wait until a function without arguments gives something true.

        Raises:
            TimeoutError: it does not within some seconds.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds} s")
            await asyncio.sleep(0.02)

    async def speak(self, samples: np.ndarray) -> list[float]:
        """Say samples float [n] into the microphone in real time; when each beep was sent."""
        pieces = np.split(samples, range(480, len(samples), 480))
        sent, quiet = [], QUIET_SECONDS
        async with self.session.ws_connect(f"{self.address}/microphone") as socket:
            start = time.monotonic()
            for k, piece in enumerate(pieces):
                await asyncio.sleep(max(0, start + 0.01 * (k + 1) - time.monotonic()))
                loud = np.flatnonzero(np.abs(piece) > LOUD)
                if len(loud) and quiet >= QUIET_SECONDS:
                    # The microphone heard it before the piece was complete.
                    sent.append(time.monotonic() - (len(piece) - loud[0]) / SOUND_RATE)
                quiet = 0.0 if len(loud) else quiet + 0.01
                await socket.send_bytes((piece * 32767).astype("<i2").tobytes())
            await asyncio.sleep(1.0)
        return sent

    async def _watch(self, track: object) -> None:
        while True:
            frame = await track.recv()
            self.last = frame.to_ndarray(format="rgb24")
            side = round(BLOCK * len(self.last)) - 4
            white = self.last[-side:, :side].mean() > 128
            place = float(frame.pts * frame.time_base)
            follows = bool(self.pictures) and place - self.pictures[-1].place < 0.05
            self.pictures.append(Picture(time.monotonic(), place, bool(white), follows))

    async def _listen(self, track: object) -> None:
        quiet = QUIET_SECONDS
        while True:
            frame = await track.recv()
            now, place = time.monotonic(), float(frame.pts * frame.time_base)
            samples = frame.to_ndarray()[0, ::2].astype(np.float32) / 32768
            self.loudest = float(np.abs(samples).max())
            self.sound_seconds += len(samples) / SOUND_RATE
            loud = np.flatnonzero(np.abs(samples) > LOUD)
            if len(loud) and quiet >= QUIET_SECONDS and _is_beep(samples[loud[0] :]):
                self.beeps.append(Beep(now, place + loud[0] / SOUND_RATE))
            quiet = 0.0 if len(loud) else quiet + len(samples) / SOUND_RATE

    @property
    def flashes(self) -> list[Picture]:
        """Pictures that are the first with a white block after some without."""
        found, before = [], -1.0
        for picture in self.pictures:
            if picture.loud and picture.place - before > QUIET_SECONDS:
                found.append(picture)
            before = picture.place if picture.loud else before
        return found

    def offsets(self) -> np.ndarray:
        """Seconds by which pictures come later than the sound that belongs to them.

        Returns:
            [n,3] of each beep whose picture is there: its time in the stream, how much later the
            picture's place in the stream is, how much later it arrived.
        """
        # Where a picture is missing, nobody knows when the block became white.
        rows, flashes = [], [flash for flash in self.flashes if flash.follows]
        places = np.array([flash.place for flash in flashes])
        for beep in self.beeps:
            near = np.abs(places - beep.place)
            if len(near) and near.min() < QUIET_SECONDS:
                flash = flashes[int(near.argmin())]
                rows.append((beep.place, flash.place - beep.place, flash.arrived - beep.arrived))
        return np.array(rows).reshape(-1, 3)


def _is_beep(samples: np.ndarray) -> bool:
    """Whether samples [n] are mostly one of our beeps, and no speech."""
    wave = np.exp(2j * np.pi * HERTZ * np.arange(len(samples)) / SOUND_RATE)
    share = 2 * abs(samples @ wave) ** 2 / (len(samples) * np.square(samples).sum())
    return len(samples) >= SOUND_RATE // HERTZ * 2 and share > 0.7


def beeps(seconds: float, every: float = 1.0, length: float = 0.12) -> np.ndarray:
    """Beeps of 700 Hz in silence, float32 at SOUND_RATE; the first one after `FIRST_BEEP` seconds.

    Args:
        seconds: of all.
        every: seconds from one to the next.
        length: seconds of each.
    """
    time_ = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    on = (time_ >= FIRST_BEEP) & ((time_ - FIRST_BEEP) % every < length)
    return (0.5 * np.sin(2 * np.pi * HERTZ * time_) * on).astype(np.float32)
