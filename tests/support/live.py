"""A made-up speaker for live tests, and a server with it in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from benchmarks.live_client import StampedEngine
from tests.support.pages import speaking_portrait
from tests.support.sounds import voice
from unigs.drive.motion_loop import longest_segment
from unigs.live.access import access_of
from unigs.live.engine import Engine
from unigs.live.load import Speaker
from unigs.live.server import LiveServer
from unigs.playback.play import Playback
from unigs.settings.drive import DriveSettings
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.subject.features import ACTION_UNITS
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory

SOUND_RATE, FPS, FRAME = 48000, 25.0, 1920
NETS = {"lip_dim": 2, "members": 2, "hidden": 4}
BLINK = 20
"""Frame of the clip with closed eyes."""


def encoder(**settings) -> SpeechEncoder:
    """Fitted to a made-up voice."""
    made = SpeechEncoder(SpeechSettings(**{"backend": "logmel", **settings}))
    clip = voice(4.0, seed=1)
    columns = made.columns(clip)
    made.fit(made.windows(columns, 100, FPS))
    made.learn_profile(clip, columns)
    return made


def motion(frames: int = 50) -> Performance:
    """A head that moves to the right, and blinks once."""
    assert longest_segment(np.ones(frames, bool), np.zeros(frames, bool)).stop == frames
    along = np.linspace(0, 0.02, frames)[:, None] * [1, 0, 0] + [0, 0, 0.6]
    eyes = np.zeros((frames, 6), np.float32)
    eyes[BLINK - 1 : BLINK + 2, ACTION_UNITS.index("AU45")] = 2, 5, 2
    R = np.tile(np.eye(3), (frames, 1, 1))
    return Performance(
        RigidTrajectory(R, along), AffineTrajectory(R, along), np.zeros((frames, 2)), eyes
    )


class Shown:
    """A playback that draws nothing and keeps what it is given."""

    def __init__(self, portrait: object) -> None:
        self.portrait, self.cues = portrait, []

    def cue(self, cue: object) -> np.ndarray:
        self.cues.append(cue)
        return np.full((self.portrait.size, self.portrait.size, 3), 90, np.uint8)


def engine(kind: type[Engine] = Engine, hears: SpeechEncoder | None = None, **fields) -> Engine:
    """An engine of a small portrait with random weights."""
    hears = hears or encoder()
    portrait = speaking_portrait(hears, NETS)
    return kind(Playback(portrait), hears, motion(), DriveSettings(**fields))


def hear_all(made: Engine) -> None:
    while made.hear():
        pass


@asynccontextmanager
async def serving(
    synthesis: object = None, host: str = "127.0.0.1", token: str = "", made: Engine | None = None
) -> AsyncIterator[LiveServer]:
    """A server that is up."""
    speaker = Speaker(made or engine(StampedEngine), "<Zoe>", "made up & shown")
    server = LiveServer(speaker, access_of(host, token), synthesis)
    started = asyncio.Event()
    running = asyncio.create_task(server.run(0, started))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        await running
    try:
        yield server
    finally:
        server.stop()
        await running


class Tone:
    """A speech synthesis that says a second of tone."""

    name = "tone"

    def speak(self, text: str) -> np.ndarray:
        return (0.3 * np.sin(np.arange(SOUND_RATE) * 0.09)).astype(np.float32)


def wav(samples: np.ndarray, folder: Path, rate: int = SOUND_RATE) -> bytes:
    """A WAV file's bytes."""
    from unigs.media.audio import write_wav

    write_wav(folder / "made.wav", samples, rate)
    return (folder / "made.wav").read_bytes()
