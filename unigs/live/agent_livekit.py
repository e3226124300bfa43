"""A portrait as the video generator of a LiveKit agent.

    generator = PortraitVideo(load_speaker("me", "unigs_plus").engine)
    await generator.start()
    runner = AvatarRunner(room, audio_recv=..., video_gen=generator, options=generator.options)
    await runner.start()

Every picture bears the visible mark; who builds on this tells its viewers that the person did not
say this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarOptions, VideoGenerator

from unigs.live.agent import AgentStream
from unigs.live.engine import Engine, Moment
from unigs.live.sound import SOUND_RATE


class PortraitVideo(VideoGenerator):
    """Turns an agent's speech into picture and sound.

    Args:
        engine: of the portrait.
    """

    def __init__(self, engine: Engine) -> None:
        self.stream = AgentStream(engine)

    @property
    def options(self) -> AvatarOptions:
        """What `AvatarRunner` has to know of the portrait."""
        engine = self.stream.engine
        return AvatarOptions(
            video_width=engine.size,
            video_height=engine.size,
            video_fps=engine.fps,
            audio_sample_rate=SOUND_RATE,
            audio_channels=1,
        )

    async def start(self) -> None:
        """Begin; the portrait moves idly until sound comes."""
        await self.stream.start()

    async def aclose(self) -> None:
        """End at once."""
        await self.stream.close()

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Say a piece of sound, or end what was pushed."""
        if isinstance(frame, AudioSegmentEnd):
            self.stream.end()
        else:
            await self.stream.push(bytes(frame.data), frame.sample_rate, frame.num_channels)

    def clear_buffer(self) -> None:
        """Drop what was not said yet: the agent was interrupted."""
        self.stream.interrupt()

    async def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """Pictures, the sound that was pushed, and the ends of it, as they are said."""
        async for step in self.stream:
            if step.moment.picture is not None:
                yield picture_of(step.moment)
            if step.moment.utterance is not None:
                yield sound_of(step.moment)
            for _ in range(step.ended):
                yield AudioSegmentEnd()


def picture_of(moment: Moment) -> rtc.VideoFrame:
    """A moment's picture, RGBA as LiveKit's sources take it."""
    height, width = moment.picture.shape[:2]
    opaque = np.dstack([moment.picture, np.full((height, width), 255, np.uint8)])
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, opaque.tobytes())


def sound_of(moment: Moment) -> rtc.AudioFrame:
    """A moment's sound."""
    return rtc.AudioFrame(moment.sound.tobytes(), SOUND_RATE, 1, len(moment.sound))
