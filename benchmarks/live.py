"""`unigs live` under load: a server of its own, aiortc viewers, minutes of speech, and figures.

    python -m benchmarks.live results/demo --minutes 10

The server's pictures show by a white block when their sound is loud; beeps then say how picture and
sound fit together, and how long a microphone's sound takes to the viewer.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import soundfile

from benchmarks.live_client import StampedEngine, Watcher, beeps
from unigs.live.sound import SOUND_RATE

TEXT = "Good morning. My name is of no importance, but I was asked to speak for a while."
LATE_SECONDS = 0.1
"""Seconds later than the earliest picture of a minute, by its time in the stream, that are late."""
EVERY = 2.0
"""Seconds between two looks at the server's process."""


async def measure(words: argparse.Namespace) -> dict:
    """Run the server and its viewers; figures by name."""
    command = [sys.executable, "-m", "benchmarks.live", words.folder, "--serve"]
    command += ["--size", str(words.size)]
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said = ""
    while "The page: " not in said:
        said = (await server.stdout.readline()).decode()
        if not said:
            raise SystemExit("the server did not start")
    address = said.split()[-1].rstrip("/")
    process = psutil.Process(server.pid)
    alone = _held(process)
    looks: list[tuple[float, float, float]] = []
    looking = asyncio.create_task(_look(process, looks))
    async with Watcher(address) as watcher:
        others = [await Watcher(address).__aenter__() for _ in range(words.viewers - 1)]
        try:
            sent = await _load(watcher, words.minutes * 60, words.pictures)
        finally:
            state = await watcher.state()
            for other in others:
                await other.__aexit__()
    await asyncio.sleep(1.0)
    after = _held(process)
    looking.cancel()
    children = process.children(recursive=True)
    server.send_signal(signal.SIGINT)
    code = await asyncio.wait_for(server.wait(), 20)
    figures = _seen(watcher) | _fitting(watcher) | _latency(watcher, sent) | _process(looks)
    return figures | {
        "state": state,
        "threads and sockets before, after": [alone, after],
        "children left": len([c for c in children if c.is_running()]),
        "exit code": code,
    }


async def _load(watcher: Watcher, seconds: float, folder: Path | None) -> list[tuple[float, int]]:
    """Speak in every way until time is up; when beeps were said into the microphone."""
    await watcher.until(lambda: watcher.pictures, 60)
    end, sent, turn = time.monotonic() + seconds, [], 0
    while time.monotonic() < end:
        for _ in range(2):
            await watcher.post("say", {"text": TEXT})
        await _quiet(watcher)
        _keep(watcher, folder, f"text_{turn}")
        await watcher.post("sound?name=beeps.wav", data=_wav(beeps(10.0)))
        await _quiet(watcher)
        await watcher.post("sound?name=beeps.wav", data=_wav(beeps(60.0)))
        await asyncio.sleep(3.0)
        await watcher.post("interrupt")
        await asyncio.sleep(2.0)
        sent += await watcher.speak(beeps(10.0))
        await asyncio.sleep(1.0)
        turn += 1
    return sent


async def _quiet(watcher: Watcher) -> None:
    await asyncio.sleep(1.0)
    while (await watcher.state())["queued_seconds"]:
        await asyncio.sleep(0.5)
    await asyncio.sleep(1.0)


def _keep(watcher: Watcher, folder: Path | None, name: str) -> None:
    if folder is not None and watcher.last is not None:
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.png"), watcher.last[..., ::-1])


def _wav(samples: np.ndarray) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, SOUND_RATE, format="WAV")
    return content.getvalue()


async def _look(process: psutil.Process, looks: list[tuple[float, float, float]]) -> None:
    """Time, memory in MB and CPU seconds of the server, again and again."""
    while True:
        used = process.cpu_times()
        memory = process.memory_info().rss / 1e6
        looks.append((time.monotonic(), memory, used.user + used.system))
        await asyncio.sleep(EVERY)


def _held(process: psutil.Process) -> dict[str, int]:
    return {"threads": process.num_threads(), "sockets": len(process.net_connections("inet"))}


def _seen(watcher: Watcher) -> dict:
    place = np.array([p.place for p in watcher.pictures])
    delay = np.array([p.arrived for p in watcher.pictures]) - place
    minute = (place // 60).astype(int)
    earliest = np.array([delay[minute == m].min() for m in range(minute.max() + 1)])
    return {
        "seconds": round(place[-1] - place[0], 1),
        "pictures": len(place),
        "pictures expected": round((place[-1] - place[0]) * 25) + 1,
        "pictures late": int((delay - earliest[minute] > LATE_SECONDS).sum()),
        "longest gap, s": round(float(np.diff(place).max()), 3),
        "sound, s": round(watcher.sound_seconds, 1),
    }


def _fitting(watcher: Watcher) -> dict:
    place, stream, arrival = watcher.offsets().T
    first, last = place < place[0] + 60, place > place[-1] - 60
    return {
        "beeps": len(place),
        "picture after sound, ms": _spread(stream),
        "its drift from the first to the last minute, ms": round(
            1000 * float(np.median(stream[last]) - np.median(stream[first])), 1
        ),
        "arrival of picture after sound, ms": _spread(arrival),
    }


def _latency(watcher: Watcher, sent: list[float]) -> dict:
    """From a beep that was sent to its picture."""
    arrived = np.array([flash.arrived for flash in watcher.flashes])
    lags = [arrived[arrived > s].min() - s for s in sent if (arrived > s).any()]
    # A beep whose frame was left out is answered by the next one.
    known = [lag for lag in lags if lag < 0.99]
    return {
        "microphone to picture, ms": _spread(np.array(known)) if known else None,
        "beeps said, and seen": [len(sent), len(known)],
    }


def _process(looks: list[tuple[float, float, float]]) -> dict:
    when, memory, cpu = np.array(looks).T
    settled = when > when[0] + min(60, (when[-1] - when[0]) / 3)
    slope = np.polyfit(when[settled] / 60, memory[settled], 1)[0]
    return {
        "server's CPU, cores": round((cpu[-1] - cpu[0]) / (when[-1] - when[0]), 2),
        "memory, MB: after a minute, at the end, most": [
            round(float(x)) for x in (memory[settled][0], memory[-1], memory.max())
        ],
        "memory, MB per minute": round(float(slope), 2),
    }


def _spread(seconds: np.ndarray) -> dict[str, float]:
    """Median, 5 % and 95 % quantile and extremes in milliseconds."""
    names = {"median": 50, "5 %": 5, "95 %": 95, "least": 0, "most": 100}
    return {k: round(1000 * float(np.percentile(seconds, q)), 1) for k, q in names.items()}


def serve(folder: str, size: int) -> None:
    """The server's process.

    Args:
        folder: of the subject.
        size: side of its pictures in pixels; 0: its own.
    """
    from unigs.live import load
    from unigs.live.access import access_of
    from unigs.live.command import _serve
    from unigs.live.server import LiveServer
    from unigs.live.speech_synthesis import find_synthesis
    from unigs.playback.play import Playback

    load.Engine = StampedEngine
    if size:
        load.Playback = lambda portrait: Playback(portrait.resized(size))
    speaker = load.load_speaker(folder, "unigs_plus")
    server = LiveServer(speaker, access_of("127.0.0.1", ""), find_synthesis())
    asyncio.run(_serve(server, 0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of the subject, with a slash in it")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--viewers", type=int, default=2)
    parser.add_argument("--size", type=int, default=0, help="pixels (default: the portrait's)")
    parser.add_argument("--pictures", type=Path, help="folder for some pictures that arrived")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.folder, given.size)
    else:
        print(json.dumps(asyncio.run(measure(given)), indent=1))
