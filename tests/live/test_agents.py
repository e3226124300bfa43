"""The adapters with the real packages of LiveKit and Pipecat, where they are installed."""

import asyncio

import numpy as np
import pytest

from tests.support.live import SOUND_RATE, encoder, engine
from unigs.live.agent import AgentStream
from unigs.live.show import Show

HEARS = encoder()
RATE = 24000
TONE = np.rint(9000 * np.sin(np.arange(RATE) * 0.2)).astype(np.int16)
"""A second, as speech syntheses give it."""


@pytest.fixture(autouse=True)
def no_show_goes_on(monkeypatch):
    """Threads of a test that failed would keep the process alive."""
    shows, start = [], Show.start
    monkeypatch.setattr(Show, "start", lambda show: shows.append(show) or start(show))
    yield
    for show in shows:
        show.stop()


def made():
    return engine(hears=HEARS)


def run(work):
    asyncio.run(asyncio.wait_for(work, 120))


def pieces(samples, size=480):
    return [samples[k : k + size] for k in range(0, len(samples), size)]


def assert_tone(sound, seconds):
    """int16 at SOUND_RATE: the tone, whole."""
    assert abs(len(sound) / SOUND_RATE - seconds) < 0.05
    middle = sound[2000:-4000].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    hertz = np.argmax(spectrum) * SOUND_RATE / len(middle)
    assert hertz == pytest.approx(0.2 * RATE / 2 / np.pi, abs=3)
    assert np.abs(middle).max() == pytest.approx(9000, rel=0.05)


def test_a_stream_can_be_closed_before_it_starts():
    async def work():
        stream = AgentStream(made())
        await stream.close()
        await stream.start()
        assert [step async for step in stream] == []
        for thread in stream.show.threads:
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()

    run(work())


@pytest.mark.parametrize("channels", [1, 2])
def test_pushed_sound_comes_out_whole_with_pictures_and_its_end(channels):
    async def work():
        stream = AgentStream(made())
        await stream.start()
        for _ in range(2):
            for piece in pieces(TONE):
                await stream.push(np.repeat(piece, channels).tobytes(), RATE, channels)
            stream.end()
        sound, ends, drawn = [], [], 0
        async for step in stream:
            drawn += step.moment.picture is not None
            if step.moment.utterance is not None:
                sound.append(step.moment.sound)
            ends += [len(sound)] * step.ended
            if len(ends) == 2:
                break
        assert stream.is_silent and drawn > 40
        assert ends[1] == len(sound) and abs(ends[0] - 25) <= 1
        assert_tone(np.concatenate(sound[: ends[0]]), 1.0)
        await stream.close()
        assert not any(thread.is_alive() for thread in stream.show.threads)

    run(work())


def test_an_interruption_ends_what_is_said_and_the_next_words_are_heard():
    async def work():
        stream = AgentStream(made())
        await stream.start()
        for _ in range(10):
            await stream.push(TONE.tobytes(), RATE, 1)
        moments = stream.__aiter__()
        while (await anext(moments)).moment.utterance is None:
            pass
        stream.interrupt()
        assert stream.engine.seconds == 0 and stream.is_silent
        await stream.push(TONE.tobytes(), RATE, 1)
        stream.end()
        said = 0
        while not stream.is_silent or said == 0:
            step = await anext(moments)
            said += step.moment.utterance is not None
        assert 23 <= said <= 27
        await stream.close()

    run(work())


def test_who_gives_sound_too_fast_waits():
    async def work():
        stream = AgentStream(made())
        await stream.start()
        long = np.tile(TONE, 61).tobytes()
        await stream.push(long, RATE, 1)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.push(TONE.tobytes(), RATE, 1), 0.5)
        await stream.close()

    run(work())


def test_an_error_of_the_show_reaches_the_agent():
    broken = made()

    def step(draw=True):
        raise RuntimeError("no picture")

    broken.step = step

    async def work():
        stream = AgentStream(broken)
        await stream.start()
        with pytest.raises(RuntimeError, match="no picture"):
            async for _ in stream:
                pass
        await stream.close()

    run(work())


def test_livekits_runner_takes_pictures_and_sound():
    """LiveKit's own AvatarRunner, with its queue of sound and without a room."""
    avatar = pytest.importorskip(
        "livekit.agents.voice.avatar",
        reason="livekit-agents needs another protobuf: see constraints-agents.txt",
    )
    from livekit import rtc

    from unigs.live.agent_livekit import PortraitVideo

    class Taken:
        """What AvatarRunner pushes into its synchronizer."""

        def __init__(self):
            self.frames = []

        async def push(self, frame, timestamp=None):
            self.frames.append(frame)

        async def aclose(self):
            pass

    async def work():
        generator = PortraitVideo(made())
        await generator.start()
        queue = avatar.QueueAudioOutput(sample_rate=RATE)
        finished = []
        queue.on("playback_finished", finished.append)
        room = rtc.Room()
        runner = avatar.AvatarRunner(
            room, audio_recv=queue, video_gen=generator, options=generator.options
        )
        assert (runner._options.video_width, runner._options.video_fps) == (48, 25.0)
        runner._av_sync, runner._video_publication = Taken(), object()
        await runner.start()
        for piece in pieces(TONE):
            await queue.capture_frame(rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece)))
        queue.flush()
        while not finished:
            await asyncio.sleep(0.05)
        frames = runner._av_sync.frames
        sound = [np.frombuffer(f.data, np.int16) for f in frames if isinstance(f, rtc.AudioFrame)]
        assert_tone(np.concatenate(sound), 1.0)
        assert finished[0].playback_position == pytest.approx(1.0, abs=0.05)
        assert not finished[0].interrupted
        pictures = [f for f in frames if isinstance(f, rtc.VideoFrame)]
        assert len(pictures) >= 20 and (pictures[0].width, pictures[0].height) == (48, 48)
        # Interrupted: the sound ends, and the agent learns how far it came.
        for _ in range(5):
            await queue.capture_frame(rtc.AudioFrame(TONE.tobytes(), RATE, 1, len(TONE)))
        count = len(frames)
        while not any(isinstance(f, rtc.AudioFrame) for f in frames[count:]):
            await asyncio.sleep(0.02)
        queue.clear_buffer()
        while len(finished) < 2:
            await asyncio.sleep(0.02)
        assert finished[1].interrupted and finished[1].playback_position < 3
        assert generator.stream.engine.seconds == 0
        await runner.aclose()
        await generator.aclose()

    run(work())


def test_pipecats_pipeline_takes_pictures_and_sound():
    """Pipecat's own pipeline around the processor."""
    pytest.importorskip(
        "pipecat", reason="pipecat-ai needs another protobuf: see constraints-agents.txt"
    )
    from pipecat.frames.frames import (
        InterruptionFrame,
        OutputImageRawFrame,
        TTSAudioRawFrame,
        TTSStartedFrame,
        TTSStoppedFrame,
    )
    from pipecat.tests.utils import SleepFrame, run_test

    from unigs.live.agent_pipecat import PortraitProcessor

    def spoken(seconds=1):
        sound = [TTSAudioRawFrame(p.tobytes(), RATE, 1) for p in pieces(np.tile(TONE, seconds))]
        return [TTSStartedFrame(), *sound, TTSStoppedFrame()]

    async def work():
        frames = [*spoken(), SleepFrame(sleep=2.0)]
        down, _ = await run_test(PortraitProcessor(made()), frames_to_send=frames, start_timeout=20)
        kinds = [type(frame) for frame in down]
        sound = [np.frombuffer(f.audio, np.int16) for f in down if isinstance(f, TTSAudioRawFrame)]
        assert_tone(np.concatenate(sound), 1.0)
        last = max(k for k, kind in enumerate(kinds) if kind is TTSAudioRawFrame)
        assert kinds.index(TTSStoppedFrame) > last, "it stops when it was said"
        pictures = [f for f in down if isinstance(f, OutputImageRawFrame)]
        assert len(pictures) > 30 and pictures[0].size == (48, 48)
        assert len(pictures[0].image) == 48 * 48 * 3
        # An interruption drops the rest; what is left at the end is said.
        frames = [*spoken(20), SleepFrame(sleep=1.0), InterruptionFrame(), *spoken()]
        down, _ = await run_test(PortraitProcessor(made()), frames_to_send=frames, start_timeout=20)
        seconds = sum(f.num_frames for f in down if isinstance(f, TTSAudioRawFrame)) / SOUND_RATE
        assert 1.0 < seconds < 4.0
        assert isinstance(down[-1], TTSStoppedFrame | OutputImageRawFrame)

    run(work())
