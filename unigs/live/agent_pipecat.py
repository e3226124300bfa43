"""A portrait as a processor of a Pipecat pipeline: behind the speech synthesis, before the output.

    portrait = PortraitProcessor(load_speaker("me", "unigs_plus").engine)
    pipeline = Pipeline([..., llm, tts, portrait, transport.output()])

Every picture bears the visible mark; who builds on this tells its viewers that the person did not
say this.
"""

from __future__ import annotations

import asyncio
import contextlib

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputImageRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from unigs.live.agent import AgentStream, Step
from unigs.live.engine import Engine
from unigs.live.sound import SOUND_RATE


class PortraitProcessor(FrameProcessor):
    """Takes the sound of a speech synthesis, and gives it with the picture that belongs to it.

    A `TTSStoppedFrame` goes on when what it ends was said. At the end of the pipeline all is said
    first; a cancellation or an interruption drops it.

    Args:
        engine: of the portrait.
    """

    def __init__(self, engine: Engine, **kwargs) -> None:
        super().__init__(**kwargs)
        self.stream = AgentStream(engine)
        self.stopped: list[TTSStoppedFrame] = []
        self.giving: asyncio.Task | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame; see the class."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            await self.stream.push(frame.audio, frame.sample_rate, frame.num_channels)
            return
        if isinstance(frame, TTSStoppedFrame) and self.stream.open is not None:
            self.stopped.append(frame)
            self.stream.end()
            return
        if isinstance(frame, StartFrame):
            await self.stream.start()
            self.giving = asyncio.create_task(self._give())
        elif isinstance(frame, InterruptionFrame):
            self.stream.interrupt()
            self.stopped.clear()
        elif isinstance(frame, EndFrame):
            self.stream.end()
            while not self.stream.is_silent and not self.giving.done():
                await asyncio.sleep(0.02)
            await self._stop()
        elif isinstance(frame, CancelFrame):
            await self._stop()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Leave nothing running."""
        await super().cleanup()
        await self._stop()

    async def _stop(self) -> None:
        giving, self.giving = self.giving, None
        if giving is None:
            return
        await self.stream.close()
        with contextlib.suppress(asyncio.CancelledError):
            await giving

    async def _give(self) -> None:
        async for step in self.stream:
            await self._give_one(step)

    async def _give_one(self, step: Step) -> None:
        moment = step.moment
        if moment.picture is not None:
            height, width = moment.picture.shape[:2]
            picture = moment.picture.tobytes()
            await self.push_frame(OutputImageRawFrame(picture, (width, height), "RGB"))
        if moment.utterance is not None:
            sound = moment.sound.tobytes()
            await self.push_frame(TTSAudioRawFrame(sound, SOUND_RATE, 1))
        for _ in range(step.ended):
            if self.stopped:
                await self.push_frame(self.stopped.pop(0))
