"""Signals stop a stage at once, or where it polls; the exit code and one line say so."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.ffmpeg import run_ffmpeg
from unigs.media.video import read_video
from unigs.stage import cli, interrupts
from unigs.stage.interrupts import Interrupted

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize("number", CODES)
def test_a_stage_stops_with_one_line(number, capsys):
    def stage() -> None:
        """Stop itself."""
        os.kill(os.getpid(), number)
        time.sleep(5)

    with pytest.raises(SystemExit) as stop:
        cli.run(stage, [])
    assert stop.value.code == CODES[number]
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted: run the same command again"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_is_held_back_until_polled_and_the_second_is_not():
    with interrupts.held_back():
        interrupts.poll()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted) as stop:
            interrupts.poll()
        assert stop.value.held and stop.value.code == 143
        with pytest.raises(Interrupted) as stop:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        assert not stop.value.held and stop.value.code == 130
    interrupts.poll()


def test_a_signal_that_is_ignored_stays_ignored():
    """As nohup and the shell's & want it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.raised():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


ENDLESS = """
import time
from pathlib import Path
from unigs.media.video import VideoWriter, read_video
from unigs.stage import cli


def stage(video: Path) -> None:
    "Read and write one frame, then dawdle with the streams open."
    frames = read_video(video)
    with VideoWriter(video.with_name("copy.mkv"), 640, 480, 25, "lossless") as writer:
        writer.write(next(frames))
        print("reading", flush=True)
        time.sleep(60)


cli.run(stage)
"""


def running(word: str) -> list[str]:
    """Command lines of processes that name a word."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [line] if word in line else []
    return found


@pytest.fixture
def endless(tmp_path):
    """A stage that neither reads nor writes on, and the folder that its ffmpegs name."""
    # Larger than ffmpeg and a pipe hold, so that it waits for its reader.
    video = tmp_path / "long.mkv"
    source = ["-f", "lavfi", "-i", "testsrc=size=640x480:rate=25:duration=20"]
    run_ffmpeg([*source, "-c:v", "ffv1", str(video)], "draw")
    assert next(read_video(video)).shape == (480, 640, 3)
    (tmp_path / "endless.py").write_text(ENDLESS)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "endless.py", "--video", video],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "reading\n"
    assert len(running(str(tmp_path))) == 3  # Python and two ffmpegs
    yield process, tmp_path
    process.kill()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
@pytest.mark.parametrize("number", CODES)
def test_children_do_not_live_on(endless, number):
    process, folder = endless
    process.send_signal(number)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == CODES[number]
    assert said.splitlines()[-1] == "interrupted: run the same command again"
    assert not running(str(folder))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_children_of_a_killed_stage_notice_at_once(endless):
    """Both ffmpegs hang on pipes whose other end goes with the stage; kill -9 runs no clean-up."""
    process, folder = endless
    process.kill()
    process.wait(timeout=20)
    until = time.monotonic() + 10
    while running(str(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not running(str(folder))
