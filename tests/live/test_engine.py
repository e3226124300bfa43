"""The engine: sound and frames in step, interruptions, idle motion, and queues with an end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.live import BLINK, FRAME, Shown, encoder, engine, hear_all
from tests.support.sounds import voice
from tests.support.whisper import REAL, needs_real
from unigs.drive.motion_loop import ping_pong
from unigs.drive.speak import hear
from unigs.live import utterance
from unigs.live.sound import SOUND_RATE, Decimator
from unigs.live.utterance import LATE, LONGEST
from unigs.media.audio import RATE
from unigs.provenance.mark import VisibleMark
from unigs.settings.drive import DriveSettings
from unigs.stage.errors import UserError
from unigs.subject.features import ACTION_UNITS

HEARS = encoder()


def spoken(seconds, seed=3):
    """A made-up voice at SOUND_RATE."""
    low = voice(seconds, seed)
    return np.interp(np.arange(3 * len(low)) / 3, np.arange(len(low)), low).astype(np.float32)


def kept_windows(made):
    """Let an engine keep the speech window of every frame that it draws."""
    windows, at = [], made.replay.at

    def keep(number, window):
        windows.append(window)
        return at(number, window)

    made.replay.at = keep
    made.playback = Shown(made.playback.portrait)
    return windows


def play(made, frames):
    moments = []
    for _ in range(frames):
        hear_all(made)
        moments.append(made.step())
    return moments


def sound_of(moments):
    return np.concatenate([m.sound for m in moments])


def test_what_is_said_comes_out_whole_and_with_its_frames():
    made = engine(hears=HEARS)
    windows = kept_windows(made)
    samples = spoken(3.0)
    play(made, 3)
    made.say(samples)
    moments = play(made, 90)
    sound = sound_of(moments)
    np.testing.assert_array_equal(sound[: len(samples)], np.rint(samples * 32767))
    assert not sound[len(samples) :].any()
    # The windows are those of `drive` for the same sound, frame by frame.
    low = Decimator().push(np.r_[samples, np.zeros(200)])
    columns, rest = hear(HEARS, low, 75, 25.0, DriveSettings())
    wanted = HEARS.normalize(HEARS.windows(columns, 75, 25.0))
    got = np.array(windows[3:78])
    clear = rest == 0
    apart = np.abs(got - wanted)[clear].mean()
    late = np.abs(got[1:] - wanted[:-1])[clear[1:]].mean()
    assert clear.sum() > 50 and apart < 0.15 < 0.5 < late


@pytest.mark.parametrize("backend", ["mfcc", pytest.param("whisper", marks=needs_real)])
def test_other_back_ends_hear_live(backend):
    model = str(REAL) if backend == "whisper" else ""
    made = engine(hears=encoder(backend=backend, model=model))
    windows = kept_windows(made)
    samples = spoken(2.0)
    made.say(samples)
    play(made, 50)
    low = Decimator().push(np.r_[samples, np.zeros(200)])
    columns = made.encoder.foreign_columns(low)
    wanted = made.encoder.normalize(made.encoder.windows(columns, 50, 25.0))
    got = np.array(windows)
    alike = np.corrcoef(got[5:45].ravel(), wanted[5:45].ravel())[0, 1]
    shuffled = np.corrcoef(got[5:45].ravel(), wanted[10:50].ravel())[0, 1]
    assert alike > 0.8 and alike > shuffled + 0.1


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=60))
@settings(max_examples=10)
def test_how_sound_is_cut_into_pieces_changes_nothing(cuts):
    samples = spoken(1.5)
    pieces = np.split(samples, np.cumsum(cuts)[np.cumsum(cuts) < len(samples)])
    results = []
    for given_ in ([samples], pieces):
        made = engine(hears=HEARS)
        windows = kept_windows(made)
        opened = made.open("a stream")
        for piece in given_:
            opened.push(piece)
        opened.end()
        results.append((sound_of(play(made, 45)), np.array(windows)))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-4)


def test_sound_that_comes_in_time_is_said_in_time_and_late_sound_holds_the_picture():
    made = engine(hears=HEARS)
    samples = spoken(2.0)
    opened = made.open("a stream")
    moments = []
    for k in range(80):
        # Nothing comes for half a second in the middle.
        if k < 20 or k >= 33:
            at = (k if k < 20 else k - 13) * FRAME
            opened.push(samples[at : at + FRAME])
        hear_all(made)
        moments.append(made.step())
    opened.end()
    moments += play(made, 20)
    said = [m for m in moments if m.utterance is not None and m.sound.any()]
    heard = np.concatenate([m.sound for m in said])
    wanted = np.rint(samples * 32767).astype(np.int16)
    whole = [wanted[k * FRAME : (k + 1) * FRAME] for k in range(50)]
    np.testing.assert_array_equal(heard, np.concatenate([w for w in whole if w.any()]))
    assert [m.number for m in moments] == list(range(100))


def test_an_interruption_empties_the_queue_at_once_and_the_lips_close_softly():
    made = engine(hears=HEARS)
    windows = kept_windows(made)
    for _ in range(3):
        made.say(spoken(3.0))
    play(made, 20)
    assert made.seconds > 8
    assert made.interrupt() == pytest.approx(9 - 20 / 25)
    assert made.seconds == 0 and not made.hear()
    moments = play(made, 10)
    assert not sound_of(moments).any() and all(m.utterance is None for m in moments)
    silence = made.encoder.silence
    distance = [np.abs(w - silence).max() for w in windows[19:30]]
    assert distance[0] > 0 and np.all(np.diff(distance[:5]) < 0) and distance[4:] == [0] * 7
    made.say(spoken(1.0))
    assert sound_of(play(made, 3)).any(), "it goes on"


def test_who_pushes_into_what_was_cleared_is_not_heard():
    made = engine(hears=HEARS)
    opened = made.open("a stream")
    opened.push(spoken(0.5))
    made.interrupt()
    with pytest.raises(ValueError, match="ended"):
        opened.push(spoken(0.5))
    assert not sound_of(play(made, 10)).any()


def test_when_nobody_speaks_the_head_moves_and_the_eyes_blink():
    made = engine(hears=HEARS)
    made.playback = Shown(made.playback.portrait)
    moments = play(made, 200)
    x = np.array([float(cue.t[0]) for cue in made.playback.cues])
    # The clip's motion, forwards and backwards, without an end.
    place = ping_pong(np.arange(200), 50, 0.8 * 25)
    np.testing.assert_allclose(x, 0.02 * place / 49, atol=1e-5)
    eyes = np.array([made.replay.at(k, made.silence).eyes[0] for k in range(200)])
    closed = eyes[:, ACTION_UNITS.index("AU45")] > 3
    passes = np.abs(place - BLINK) < 0.4
    assert closed.sum() >= 3 and (closed == passes).mean() > 0.97
    assert not sound_of(moments).any() and not any(m.speaks for m in moments)


def test_the_mark_is_on_every_picture_whatever_the_settings_say():
    made = engine(hears=HEARS, mark=False)
    made.playback = Shown(made.playback.portrait)
    plain = np.full((made.size, made.size, 3), 90, np.uint8)
    marked = VisibleMark.of(made.size, made.size).on(plain)
    assert (marked != plain).any()
    for moment in play(made, 5):
        np.testing.assert_array_equal(moment.picture, marked)


def test_a_moment_that_nobody_sees_is_not_drawn_and_its_sound_goes_on():
    made = engine(hears=HEARS)
    made.playback = Shown(made.playback.portrait)
    samples = spoken(0.4)
    made.say(samples)
    hear_all(made)
    moments = [made.step(draw=k % 2 == 0) for k in range(10)]
    assert [m.picture is None for m in moments] == [False, True] * 5
    assert len(made.playback.cues) == 5
    np.testing.assert_array_equal(sound_of(moments), np.rint(samples * 32767))


def test_a_microphone_that_lags_behind_catches_up():
    made = engine(hears=HEARS)
    opened = made.open("microphone", hurried=True)
    opened.push(spoken(2.0))
    hear_all(made)
    moments = play(made, 4)
    assert moments[0].utterance is opened
    assert opened.count - opened.frame <= 12
    # In a pause it is at most LATE frames late.
    for _ in range(40):
        opened.push(np.zeros(FRAME, np.float32))
        play(made, 1)
    assert opened.ear.frames - opened.frame <= LATE


def test_queues_have_an_end_and_memory_stays(monkeypatch):
    made = engine(hears=HEARS)
    opened = made.open("a stream")
    second = spoken(1.0)
    with pytest.raises(UserError, match="no faster than that"):
        for _ in range(LONGEST + 2):
            opened.push(second)
    assert opened.length <= LONGEST * SOUND_RATE
    made.interrupt()
    with pytest.raises(UserError, match="cut it into pieces"):
        made.say(np.ones((LONGEST + 1) * SOUND_RATE, np.float32))
    with pytest.raises(UserError, match="wait to be said already"):
        for _ in range(LONGEST + 2):
            made.say(second)
    assert made.seconds <= LONGEST
    made.interrupt()
    with pytest.raises(UserError, match="has no sound"):
        made.say(np.zeros(1000, np.float32))
    with pytest.raises(UserError, match="100 utterances wait"):
        for _ in range(101):
            made.open("a stream")


def test_an_endless_stream_keeps_what_it_needs_and_no_more():
    made = engine(hears=HEARS)
    made.playback = Shown(made.playback.portrait)
    opened, second, sizes = made.open("a stream", "a voice"), spoken(1.0), []
    for _ in range(40):
        opened.push(second)
        for _ in range(25):
            made.hear()
            hear_all(made)
            made.step(draw=False)
        ear = opened.ear
        kept = sum(map(len, opened.pieces)) + sum(map(len, opened.unheard))
        sizes.append((kept, len(ear.columns), len(ear.above), len(opened.arrived)))
    assert np.array(sizes)[20:].max(0).tolist() <= [SOUND_RATE * 2, 120, 120, 3]


def test_in_advance_no_more_is_heard_than_is_needed():
    made = engine(hears=HEARS)
    queued = made.say(spoken(60.0))
    hear_all(made)
    assert queued.ear.frames <= (utterance.LEAD_SECONDS + 1) * 25
    assert queued.ready(0)


def test_the_decimator_keeps_what_can_be_heard_and_adds_no_delay():
    time = np.arange(SOUND_RATE) / SOUND_RATE
    for hertz, kept in ((300, 1.0), (3000, 1.0), (6000, 1.0), (12000, 0.0), (20000, 0.0)):
        made = Decimator()
        low = np.r_[made.push(np.sin(2 * np.pi * hertz * time)), made.finish()]
        wanted = kept * np.sin(2 * np.pi * hertz * np.arange(len(low)) / RATE)
        assert np.abs(low - wanted)[100:-100].max() < 0.02, hertz
        assert abs(len(low) - RATE) <= 1
