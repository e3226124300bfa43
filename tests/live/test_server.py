"""The server with aiortc's own client: what arrives, who is let in, what is refused."""

import asyncio
import re
import threading

import numpy as np
import psutil
import pytest
from aiohttp import ClientSession
from aiortc import RTCPeerConnection

from benchmarks.live_client import LOUD, StampedEngine, Watcher, beeps
from tests.support.live import SOUND_RATE, Tone, encoder, engine, serving, wav
from tests.support.sounds import voice
from unigs.live import engine as module
from unigs.live import rtc, server, uploads
from unigs.live.access import HEADERS, access_of
from unigs.live.sound import Decimator
from unigs.live.speech_synthesis import Command, clean_text, find_synthesis
from unigs.provenance.mark import VisibleMark
from unigs.provenance.statement import SYNTHETIC
from unigs.stage.errors import UserError

HEARS = encoder()


def run(work):
    """Run a coroutine to its end, within a minute."""
    asyncio.run(asyncio.wait_for(work, 60))


def address(running):
    return f"http://127.0.0.1:{running.port}"


def made():
    return engine(StampedEngine, hears=HEARS)


def own_sockets():
    """Addresses of this process's own sockets that wait for others."""
    connections = psutil.Process().net_connections("inet")
    return {c.laddr.ip for c in connections if not c.raddr}


def test_a_viewer_gets_every_frame_and_sound_in_step(tmp_path):
    async def work():
        async with serving(made=made()) as running, Watcher(address(running)) as watcher:
            await watcher.until(lambda: len(watcher.pictures) > 3)
            told = await watcher.post("sound?name=b.wav", data=wav(beeps(4.0), tmp_path))
            assert told == {"seconds": 4.0}
            await watcher.until(lambda: len(watcher.beeps) >= 4)
            await asyncio.sleep(0.3)
            offsets = watcher.offsets()
            assert len(offsets) == 4
            # In the streams' own time, by which a browser shows them.
            assert np.abs(offsets[:, 1]).max() < 0.04
            assert np.ptp(offsets[:, 1]) < 0.01
            places = [p.place for p in watcher.pictures]
            steps = np.diff(places)
            assert np.allclose(steps / 0.04, np.round(steps / 0.04)) and (steps > 0).all()
            assert np.median(steps) == pytest.approx(0.04)
            assert watcher.last.shape == (48, 48, 3)
            mark = VisibleMark.of(48, 48)
            rows, columns = mark.area
            assert np.ptp(watcher.last[rows, columns].astype(float)) > 60, "letters on a ground"

    run(work())


def test_a_microphone_comes_back_as_sound_and_picture(tmp_path):
    async def work():
        async with serving(made=made()) as running, Watcher(address(running)) as watcher:
            await watcher.until(lambda: len(watcher.pictures) > 3)
            sent = await watcher.speak(beeps(3.0))
            await watcher.until(lambda: len(watcher.flashes) >= 3)
            lags = [f.arrived - s for f, s in zip(watcher.flashes, sent, strict=False)]
            assert all(0 < lag < 5 for lag in lags)
            state = await watcher.state()
            assert state["sound_to_picture_ms"] is not None and not state["microphone"]

    run(work())


def test_an_interruption_is_silent_at_once_and_two_viewers_see_the_same(tmp_path):
    async def work():
        async with (
            serving(Tone(), made=made()) as running,
            Watcher(address(running)) as one,
            Watcher(address(running)) as two,
        ):
            for _ in range(5):
                await one.post("say", {"text": "Hello"})
            for watcher in (one, two):
                await watcher.until(lambda w=watcher: w.loudest > LOUD)
            assert (await one.state())["viewers"] == 2
            told = await two.post("interrupt")
            assert told["dropped_seconds"] > 3
            for watcher in (one, two):
                await watcher.until(lambda w=watcher: w.loudest < 0.01, 2)
            state = await one.state()
            assert state["queued_seconds"] == 0 and state["saying"] == ""

    run(work())


def test_nothing_is_left_running(tmp_path):
    before = {t.name for t in threading.enumerate()}
    process = psutil.Process()

    async def work():
        async with serving(find_synthesis(), made=made()) as running:
            async with Watcher(address(running)) as watcher:
                await watcher.until(lambda: len(watcher.pictures) > 3)
                assert any(t.name.startswith("live") for t in threading.enumerate())
            await asyncio.sleep(0.2)
            assert not running.viewers and not running.show.sinks

    run(work())
    left = {t.name for t in threading.enumerate()} - before
    assert {name for name in left if not name.startswith("unigs_")} == set(), "but kernel threads"
    assert not process.children(recursive=True) and not own_sockets()


def test_sockets_are_the_loopbacks_alone():
    async def work():
        async with serving(made=made()) as running, Watcher(address(running)) as watcher:
            await watcher.until(lambda: len(watcher.pictures) > 1)
            assert own_sockets() == {"127.0.0.1"}

    run(work())


def test_addresses_that_a_stranger_names_are_not_asked():
    named = "a=candidate:1 1 udp 1 evil.local 9 typ host\r\na=end-of-candidates\r\n"
    offer = f"v=0\r\n{named}a=mid:0\r\n"
    assert rtc.without_candidates(offer) == "v=0\r\na=mid:0\r\n"


async def asked(running, path="state", method="GET", **more):
    """Status and answer of a request."""
    async with (
        ClientSession() as session,
        session.request(method, f"{address(running)}/{path}", **more) as answer,
    ):
        kind = answer.content_type
        return answer.status, await (answer.json() if "json" in kind else answer.text()), answer


JSON = {"Content-Type": "application/json"}
REFUSED = [
    ("another name", 403, "this server is not evil.com", {"headers": {"Host": "evil.com"}}),
    ("another page", 403, "a page of another server", {"headers": {"Origin": "http://evil.com"}}),
    ("no page", 403, "a page of another server", {"headers": {"Origin": "http://["}}),
    ("no JSON", 400, "this is no JSON", {"path": "say", "method": "POST", "data": b"x"}),
    ("broken JSON", 400, "this is no JSON that can be read",
     {"path": "say", "method": "POST", "data": b"{", "headers": JSON}),
    ("deep JSON", 400, "this is no JSON that can be read",
     {"path": "say", "method": "POST", "data": b"[" * 90000, "headers": JSON}),
    ("JSON in no letters", 400, "this is no JSON that can be read",
     {"path": "say", "method": "POST", "data": b"{}",
      "headers": {"Content-Type": "application/json; charset=nonsense"}}),
    ("large JSON", 400, "more than 100000 bytes",
     {"path": "say", "method": "POST", "data": b" " * 200000, "headers": JSON}),
    ("a list", 400, "no JSON object", {"path": "say", "method": "POST", "json": [1]}),
    ("no text", 400, "there is no text", {"path": "say", "method": "POST", "json": {"text": 3}}),
    ("empty text", 400, "the text is empty",
     {"path": "say", "method": "POST", "json": {"text": " \x00\n"}}),
    ("long text", 400, "has 2001 characters, and 2000 is the most",
     {"path": "say", "method": "POST", "json": {"text": "a" * 2001}}),
    ("no offer", 400, "there is no offer", {"path": "offer", "method": "POST", "json": {}}),
    ("bad offer", 400, "no WebRTC offer",
     {"path": "offer", "method": "POST", "json": {"sdp": "v=0\r\nm=nonsense"}}),
    ("no sound", 400, "letter.wav holds no sound that can be read",
     {"path": "sound?name=../letter.wav", "method": "POST", "data": b"Dear Zoe"}),
    ("a playlist", 400, "list.m3u8 holds no sound that can be read",
     {"path": "sound?name=list.m3u8", "method": "POST",
      "data": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"}),
    ("an empty file", 400, "nothing.wav is empty",
     {"path": "sound?name=nothing.wav", "method": "POST", "data": b""}),
    ("no socket", 400, "comes by a web socket", {"path": "microphone"}),
    ("no such file", 404, "no such file", {"path": "server.js"}),
    ("no such place", 404, "there is no GET of this address", {"path": "secrets"}),
    ("no such method", 405, "there is no PUT of this address", {"path": "say", "method": "PUT"}),
]  # fmt: skip


def test_what_cannot_be_is_refused_in_a_sentence():
    async def work():
        async with serving(Tone(), made=made()) as running:
            for name, status, sentence, request in REFUSED:
                got, answer, whole = await asked(running, **request)
                assert got == status, (name, answer)
                assert sentence in answer["error"], (name, answer)
                assert whole.headers.keys() >= HEADERS.keys(), name
                assert answer["error"].count("\n") == 0 and answer["error"].endswith("."), name
            assert (await asked(running))[0] == 200, "it still runs"

    run(work())


def test_large_long_and_silent_sound_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "MOST_MB", 0.1)
    monkeypatch.setattr(uploads, "LONGEST", 2)

    async def work():
        async with serving(made=made()) as running:
            post = {"path": "sound?name=a.wav", "method": "POST"}
            for data, sentence in (
                (b"x" * 200_000, "a.wav has more than 0.1 MB"),
                (wav(voice(3.0), tmp_path, 16000), "a.wav lasts longer than 2 seconds"),
                (wav(np.zeros(9000), tmp_path, 16000), "a.wav has no sound"),
            ):
                status, answer, _ = await asked(running, **post, data=data)
                assert status == 400 and sentence in answer["error"]
            status, answer, _ = await asked(running, "say", "POST", json={"text": "Hello"})
            assert status == 400 and "install espeak-ng" in answer["error"]

    run(work())


def test_the_microphone_is_for_one_and_the_last_word_is_its(tmp_path):
    async def work():
        async with serving(Tone(), made=made()) as running:
            for _ in range(3):
                await asked(running, "say", "POST", json={"text": "Hello"})
            async with (
                ClientSession() as session,
                session.ws_connect(f"{address(running)}/microphone") as socket,
            ):
                await socket.send_str("17")
                assert await socket.receive_str() == "17"
                assert running.engine.seconds == 0, "what was queued is gone"
                status, answer, _ = await asked(running, "microphone")
                assert status == 409 and "somebody else" in answer["error"]
                status, answer, _ = await asked(running, "say", "POST", json={"text": "Hello"})
                assert status == 400 and "the microphone is on" in answer["error"]
                await socket.send_bytes(b"odd")
            await asyncio.sleep(0.2)
            assert (await asked(running, "say", "POST", json={"text": "Hello"}))[0] == 200

    run(work())


def test_only_so_many_watch(monkeypatch):
    monkeypatch.setattr(server, "MOST_VIEWERS", 1)

    async def work():
        async with serving(made=made()) as running, Watcher(address(running)):
            with pytest.raises(RuntimeError, match="1 people watch already"):
                async with Watcher(address(running)):
                    pass

    run(work())


def test_the_last_place_is_taken_once(monkeypatch):
    monkeypatch.setattr(server, "MOST_VIEWERS", 1)
    taken = asyncio.Event()

    async def slow():
        yield b'{"sdp": '
        await taken.wait()
        yield b'"v=0"}'

    async def work():
        async with serving(made=made()) as running:
            late = {"path": "offer", "method": "POST", "headers": JSON, "data": slow()}
            first = asyncio.create_task(asked(running, **late))
            await asyncio.sleep(0.2)
            async with Watcher(address(running)):
                taken.set()
                status, answer, _ = await first
                assert status == 503 and "watch already" in answer["error"]

    run(work())


async def offer_of(*sections, direction="recvonly"):
    """SDP that offers sections: audio, video, or data."""
    connection = RTCPeerConnection()
    for kind in sections:
        if kind == "data":
            connection.createDataChannel("talk")
        else:
            connection.addTransceiver(kind, direction)
    await connection.setLocalDescription(await connection.createOffer())
    sdp = connection.localDescription.sdp
    await connection.close()
    return sdp


def test_nothing_is_taken_from_a_viewer_and_nothing_shown_twice():
    async def work():
        async with serving(made=made()) as running:

            async def answer(sdp):
                return (await asked(running, "offer", "POST", json={"sdp": sdp}))[:2]

            status, told = await answer(await offer_of("video", "audio", direction="sendrecv"))
            assert status == 200 and told["sdp"].count("m=") == 2
            assert re.findall(r"a=(send\w+|recv\w+)", told["sdp"]) == ["sendonly"] * 2
            for sections in (["video", "video", "audio"], ["video", "audio", "data"]):
                status, told = await answer(await offer_of(*sections))
                assert status == 400 and "no WebRTC offer of picture" in told["error"], sections
            assert len(running.viewers) == 1

    run(work())


TOKEN = "a-token-of-this-test"


def test_without_the_token_nobody_comes_in():
    async def work():
        async with serving(host="127.0.0.1", token=TOKEN, made=made()) as running:
            inside = f"state?token={TOKEN}"
            for path in ("", "state", "live.js", "microphone", "?token=wrong", inside):
                status, answer, _ = await asked(running, path)
                assert status == 401 and "token is missing or wrong" in answer["error"], path
            status, _, answer = await asked(running, "?token=" + TOKEN, allow_redirects=False)
            assert status == 303 and answer.headers["Location"] == "/"
            cookie = answer.cookies["unigs_live"]
            assert cookie["httponly"] and cookie["samesite"] == "Strict"
            assert (await asked(running, cookies={"unigs_live": cookie.value}))[0] == 200
            async with Watcher(address(running), TOKEN) as watcher:
                await watcher.until(lambda: watcher.pictures)

    run(work())


def test_a_token_that_is_no_text_is_a_wrong_one():
    async def work():
        async with serving(token=TOKEN, made=made()) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(
                b"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                b"Authorization: Bearer gr\xfc\xdfe\r\n\r\n"
            )
            assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
            writer.close()

    run(work())


def test_on_another_address_of_the_loopback_it_is_reached_under_that():
    async def work():
        async with serving(host="127.0.0.2", made=made()) as running, ClientSession() as session:
            url = f"http://127.0.0.2:{running.port}/state"
            async with session.get(url) as answer:
                assert answer.status == 200
            async with session.get(url, headers={"Host": "evil.com"}) as answer:
                told = await answer.json()
                assert answer.status == 403 and "open it as http://127.0.0.2." in told["error"]

    run(work())


def test_on_every_address_who_has_the_token_comes_in_and_nobody_else():
    async def work():
        async with serving(host="0.0.0.0", made=made()) as running:
            assert (await asked(running))[0] == 401
            async with Watcher(address(running), running.access.token) as watcher:
                await watcher.until(lambda: watcher.pictures)

    run(work())


def test_only_so_much_is_read_at_once(monkeypatch):
    monkeypatch.setattr(server, "MOST_INTAKE", 1)
    going = threading.Event()

    class Slow(Tone):
        def speak(self, text):
            going.wait(20)
            return super().speak(text)

    async def work():
        async with serving(Slow(), made=made()) as running:
            say = {"path": "say", "method": "POST", "json": {"text": "Hello"}}
            first = asyncio.create_task(asked(running, **say))
            while not running.intake:
                await asyncio.sleep(0.01)
            status, answer, _ = await asked(running, **say)
            assert status == 400 and "being read already" in answer["error"]
            # Who is interrupted before the sound was made is not heard afterwards.
            await asked(running, "interrupt", "POST")
            going.set()
            status, answer, _ = await first
            assert status == 409 and "was interrupted" in answer["error"]
            assert running.engine.seconds == 0 and running.intake == 0

    run(work())


def test_a_file_that_does_not_come_gives_its_place_back(monkeypatch):
    monkeypatch.setattr(server, "UPLOAD_SECONDS", 0.3)

    async def stalled():
        yield b"RIFF"
        await asyncio.sleep(20)

    async def work():
        async with serving(made=made()) as running:
            upload = asked(running, "sound?name=a.wav", "POST", data=stalled())
            status, answer, _ = await asyncio.wait_for(upload, 5)
            assert status == 400 and "a.wav did not come within 0.3 seconds" in answer["error"]
            assert running.intake == 0

    run(work())


def test_nobody_waits_while_a_long_sound_is_looked_at(monkeypatch):
    going = threading.Event()

    class Slow(Decimator):
        def push(self, samples):
            going.wait(5)
            return super().push(samples)

    monkeypatch.setattr(module, "Decimator", Slow)

    async def work():
        async with serving(Tone(), made=made()) as running:
            say = asyncio.create_task(asked(running, "say", "POST", json={"text": "Hello"}))
            while not running.intake:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert (await asked(running))[0] == 200 and running.intake == 1
            going.set()
            assert (await say)[:2] == (200, {"seconds": 1.0})
            assert running.engine.seconds > 0

    run(work())


def test_beyond_the_loopback_there_is_always_a_token():
    made_up = access_of("0.0.0.0", "")
    assert len(made_up.token) >= 24 and made_up.token != access_of("0.0.0.0", "").token
    assert not made_up.is_loopback
    assert access_of("localhost", "").token == access_of("::1", "").token == ""
    for host, token, sentence in (
        ("0.0.0.0", "short", "a token needs 16"),
        ("zoe.example", "", "is no address"),
    ):
        with pytest.raises(UserError, match=sentence):
            access_of(host, token)


def test_the_page_says_what_it_is_and_asks_nobody_else():
    async def work():
        async with serving(made=made()) as running:
            _, page, answer = await asked(running, "")
            assert SYNTHETIC in page and "made up &amp; shown" in page and "&lt;Zoe&gt;" in page
            assert "%%" not in page and "http" not in page
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy

    run(work())


def test_a_port_that_is_taken_is_told():
    async def work():
        async with serving(made=made()) as running:
            other = server.LiveServer(running.speaker, access_of("127.0.0.1", ""), None)
            with pytest.raises(UserError, match="cannot be had"):
                await other.run(running.port)

    run(work())


def test_an_error_of_the_show_ends_the_server():
    broken = made()

    def step(draw=True):
        raise RuntimeError("no picture")

    broken.step = step

    async def work():
        async with serving(made=broken) as running:
            await asyncio.wait_for(running.stopping.wait(), 10)

    with pytest.raises(RuntimeError, match="no picture"):
        run(work())


def test_texts_are_spoken_by_what_is_wanted():
    assert clean_text("  two\nlines\x1b[31m ") == "two lines [31m"
    for words, sentence in (
        (["false"], "false failed"),
        (["python3", "-c", "print(1)"], "wrote no sound"),
        (["no-such-program-here"], "does not start"),
    ):
        with pytest.raises(UserError, match=sentence):
            Command(words, words[0]).speak("Hello")
    with pytest.raises(UserError, match="there is no speech synthesis 'no-such"):
        find_synthesis("no-such-program-here --loud")
    with pytest.raises(UserError, match="cannot be read"):
        find_synthesis("a 'b")


def test_a_command_gets_the_text_and_gives_the_sound(tmp_path):
    wav(voice(1.0), tmp_path, 16000)
    script = (
        "import sys; assert sys.stdin.read() == 'Grüezi'; "
        f"sys.stdout.buffer.write(open({str(tmp_path / 'made.wav')!r}, 'rb').read())"
    )
    made_up = find_synthesis(f'python3 -c "{script}"')
    assert made_up.name == "python3"
    assert abs(len(made_up.speak("Grüezi")) - SOUND_RATE) < 100
    with pytest.raises(UserError, match="python3 failed: AssertionError"):
        made_up.speak("Hello")


def test_espeak_speaks():
    found = find_synthesis()
    if found is None:
        pytest.skip("espeak-ng is not installed")
    samples = found.speak("Hello, this is a test.")
    assert 0.5 * SOUND_RATE < len(samples) < 4 * SOUND_RATE and np.abs(samples).max() > 0.1
