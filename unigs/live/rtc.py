"""WebRTC: a viewer's picture and sound out of the moments of a show."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
from collections.abc import Awaitable, Callable

import aioice.ice
import ifaddr
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.codecs import vpx
from aiortc.mediastreams import VIDEO_CLOCK_RATE, MediaStreamError
from av import AudioFrame, VideoFrame

from unigs.live.engine import Moment
from unigs.live.sound import SOUND_RATE
from unigs.stage.errors import UserError

PACKET = SOUND_RATE // 50
"""Samples of a packet of sound: 20 ms."""
PICTURES, PACKETS = 2, 25
"""Pictures and packets of sound that wait for a viewer at most; older ones are dropped."""
BITRATE = 1_200_000
"""Bits per second of the picture before the viewer's network is known."""
CONNECT_SECONDS = 30
"""Seconds within which a viewer has to connect."""
EVERYWHERE = ("0.0.0.0", "::")
"""Addresses that stand for all of the machine's."""


def listen_on(host: str) -> None:
    """Let WebRTC's sockets of this process be bound to an address, and to no other.

    aioice binds to every address but the loopback's, and has no setting for that.

    Args:
        host: address of the page's server.
    """
    everything = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    here = [ip for ip in everything if isinstance(ip, str)] if host in EVERYWHERE else [host]
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: list(here)
    vpx.DEFAULT_BITRATE = BITRATE


class MomentTrack(MediaStreamTrack):
    """Frames of one kind that wait for a viewer.

    Args:
        kind: `audio` or `video`.
        most: frames that wait; when more come the oldest are dropped.
    """

    def __init__(self, kind: str, most: int) -> None:
        super().__init__()
        self.kind, self.most = kind, most
        self.frames: asyncio.Queue = asyncio.Queue()

    def put(self, frame: AudioFrame | VideoFrame | None) -> None:
        """Append a frame; None ends the track."""
        while self.frames.qsize() >= self.most:
            self.frames.get_nowait()
        self.frames.put_nowait(frame)

    async def recv(self) -> AudioFrame | VideoFrame:
        """The next frame, for aiortc's sender."""
        frame = await self.frames.get()
        if frame is None or self.readyState != "live":
            raise MediaStreamError
        return frame


class Viewer:
    """Somebody who watches.

    Args:
        fps: frames per second of the show.
        gone: called when the connection ends.
    """

    def __init__(self, fps: float, gone: Callable[[Viewer], Awaitable[None]]) -> None:
        self.fps, self.gone = fps, gone
        self.loop = asyncio.get_running_loop()
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.video = MomentTrack("video", PICTURES)
        self.audio = MomentTrack("audio", PACKETS)
        self.rest = np.zeros(0, np.int16)
        self.samples = -1
        self.timer = self.loop.call_later(CONNECT_SECONDS, self._timeout)
        self.tasks: set[asyncio.Task] = set()

    async def answer(self, offer: str) -> str:
        """The answer to a browser's offer, as SDP.

        Args:
            offer: SDP that asks for one picture and one sound.

        Raises:
            UserError: it cannot be understood, or asks for more.
        """
        pc = self.connection
        pc.on("connectionstatechange", self._changed)
        try:
            refuse_more(offer)
            await pc.setRemoteDescription(RTCSessionDescription(without_candidates(offer), "offer"))
            for track in (self.video, self.audio):
                pc.addTrack(track)
            for transceiver in pc.getTransceivers():
                # What a viewer sends would be decoded and kept, and nobody takes it.
                transceiver.direction = "sendonly"
            await pc.setLocalDescription(await pc.createAnswer())
        except Exception:
            # Whatever a stranger's text makes the parser stumble over.
            await self.close()
            raise UserError("this offer is no WebRTC offer of picture and sound.") from None
        return pc.localDescription.sdp

    def show(self, moment: Moment) -> None:
        """Take a moment; a sink for the show's thread."""
        with contextlib.suppress(RuntimeError):  # the loop was closed in between
            self.loop.call_soon_threadsafe(self._put, moment)

    async def close(self) -> None:
        """End the connection."""
        self.timer.cancel()
        for track in (self.video, self.audio):
            track.put(None)
            track.stop()
        await self.connection.close()

    def _put(self, moment: Moment) -> None:
        if self.connection.connectionState != "connected":
            return
        if moment.picture is not None:
            self.video.put(picture_frame(moment.picture, moment.number, self.fps))
        if self.samples < 0:
            self.samples = round(moment.number * SOUND_RATE / self.fps)
        sound = np.concatenate([self.rest, moment.sound])
        while len(sound) >= PACKET:
            self.audio.put(sound_frame(sound[:PACKET], self.samples))
            sound, self.samples = sound[PACKET:], self.samples + PACKET
        self.rest = sound

    async def _changed(self) -> None:
        state = self.connection.connectionState
        if state == "connected":
            self.timer.cancel()
        if state in ("failed", "closed"):
            await self.gone(self)

    def _timeout(self) -> None:
        task = self.loop.create_task(self.gone(self))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def refuse_more(sdp: str) -> None:
    """Stop at an offer with more than one picture and one sound: each would cost an encoder.

    Raises:
        ValueError: it has more.
    """
    kinds = [line[2:].split(" ")[0] for line in sdp.splitlines() if line.startswith("m=")]
    if sorted(kinds) not in (["audio"], ["video"], ["audio", "video"]):
        raise ValueError(f"sections of {kinds}")


def without_candidates(sdp: str) -> str:
    """An offer without the addresses that it names.

    The browser comes to the server. The server never sends to an address that a stranger names, nor
    asks the network for the names that browsers hide addresses behind.
    """
    unwanted = ("a=candidate:", "a=end-of-candidates")
    return "".join(line for line in sdp.splitlines(keepends=True) if not line.startswith(unwanted))


def picture_frame(picture: np.ndarray, number: int, fps: float) -> VideoFrame:
    """A picture uint8 [H,W,3] as a frame of a video track."""
    frame = VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts = round(number * VIDEO_CLOCK_RATE / fps)
    frame.time_base = fractions.Fraction(1, VIDEO_CLOCK_RATE)
    return frame


def sound_frame(samples: np.ndarray, start: int) -> AudioFrame:
    """Samples int16 [n] as a frame of an audio track that begins at sample `start`."""
    frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts = SOUND_RATE, start
    frame.time_base = fractions.Fraction(1, SOUND_RATE)
    return frame
