"""Windows of Whisper: no seams in a whole recording, nothing unsaid in a live one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.whisper import FLOOR, leveled, made_net, needs_real, real_listener
from unigs.media.audio import RATE
from unigs.speech import whisper_windows
from unigs.speech.projection import Projection
from unigs.speech.whisper_mel import log_mel
from unigs.speech.whisper_windows import (
    LIVE_AHEAD,
    LIVE_STEP,
    LIVE_WINDOW,
    LOOK_AHEAD_MS,
    ROW,
    STEP,
    Listener,
    LiveListener,
    hear,
)


def listener(**options):
    return Listener(made_net(), 2, FLOOR, **options)


def deaf_to_context():
    """A listener whose rows depend neither on their place in a window nor on far-away sound."""
    net = made_net(rows=2000)
    net.positional_embedding.data.zero_()
    for block in net.blocks:
        block.attn.out.weight.data.zero_()
        block.attn.out.bias.data.zero_()
    return Listener(net, 2, FLOOR)


def live_rows(heard, samples, cuts):
    made = LiveListener(heard)
    return np.concatenate([*(made.push(piece) for piece in np.split(samples, cuts)), made.finish()])


@pytest.mark.parametrize("length", [0, 1, 319, 320, 5000, 8 * RATE, 21 * RATE + 77])
def test_a_row_every_20_ms_of_recordings_of_any_length(length):
    samples = leveled(22.0)[:length]
    rows = hear(listener(), samples)
    assert rows.shape == (length // 320 + 1, 64) and rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert live_rows(listener(), samples, []).shape == rows.shape


def test_what_no_window_changes_is_heard_as_in_one_piece():
    samples, heard = leveled(21.0), deaf_to_context()
    mel = log_mel(torch.from_numpy(samples), heard.filters, FLOOR)
    mel = torch.cat([heard.silence(20), mel, heard.silence(20)], 1)
    expected = heard.rows(mel)[10:][: len(samples) // ROW + 1]
    np.testing.assert_allclose(hear(heard, samples), expected, atol=1e-5)
    np.testing.assert_allclose(live_rows(heard, samples, []), expected, atol=1e-5)


def phases(differences, shift=0):
    """Mean of numbers [n] of rows by the rows' place between the starts of two windows, ten."""
    place = (np.arange(len(differences)) + shift) % STEP * 10 // STEP
    return np.array([differences[place == k].mean() for k in range(10)])


def check_seams(heard, samples, tolerance):
    """States do not change faster at the seams than elsewhere, nor when the seams lie elsewhere."""
    rows, shift = hear(heard, samples), STEP // 2
    moved = hear(heard, np.concatenate([np.zeros(shift * ROW, np.float32), samples]))[shift:]
    spread = rows.std(0)
    spread = np.maximum(spread, np.median(spread))
    apart = np.sqrt(np.square((rows - moved) / spread).mean(1))
    assert phases(apart).max() < 1.25 * apart.mean()
    speed = np.sqrt(np.square(np.diff(rows, axis=0) / spread).mean(1))
    other = np.sqrt(np.square(np.diff(moved, axis=0) / spread).mean(1))
    # The same steps of the same sound: with a seam, and half a window from one.
    assert np.abs(phases(speed) / phases(other) - 1).max() < tolerance
    return apart


def test_seams_of_a_made_network_are_not_heard():
    check_seams(listener(), leveled(40.0), 0.2)


@needs_real
def test_seams_of_the_real_network_are_not_heard():
    assert check_seams(real_listener(), leveled(40.0), 0.05).mean() < 0.3


@given(st.lists(st.integers(0, 6 * RATE), max_size=12), st.integers(0, 6 * RATE))
@settings(max_examples=10)
def test_how_a_live_recording_is_cut_into_pieces_changes_nothing(cuts, length):
    samples, heard = leveled(6.0)[:length], listener()
    whole = live_rows(heard, samples, [])
    np.testing.assert_allclose(live_rows(heard, samples, sorted(cuts)), whole, atol=1e-5)


def test_live_rows_are_those_of_the_stated_window_on_the_stated_samples():
    samples, heard = leveled(7.0), listener()
    made, given_ = LiveListener(heard), []
    ahead = LOOK_AHEAD_MS * RATE // 1000
    for step in range(20):
        last = (step + 1) * LIVE_STEP - 1
        end = last * ROW + ahead
        # Long before the look-ahead is there, the rows are not given; with it, they are.
        assert len(made.push(samples[made.heard : end - 160])) == 0
        given_.append(made.push(samples[made.heard : end]))
        assert len(given_[-1]) == LIVE_STEP
        # Independently: sound before the window is not heard, sound after the look-ahead neither.
        start = (last + LIVE_AHEAD - LIVE_WINDOW + 1) * ROW
        sound = np.pad(samples, (10 * RATE, 0))[start - 200 + 10 * RATE : end + 10 * RATE]
        mel = log_mel(torch.from_numpy(sound[200:]), heard.filters, FLOOR)
        mel[:, :2] = log_mel(torch.from_numpy(sound[40:1000]), heard.filters, FLOOR)[:, 1:3]
        expected = heard.rows(mel[:, : 2 * LIVE_WINDOW - 1])[-LIVE_AHEAD - LIVE_STEP : -LIVE_AHEAD]
        np.testing.assert_allclose(given_[-1], expected, atol=1e-4)


@needs_real
def test_live_states_follow_those_of_the_whole_recording():
    samples, heard = leveled(30.0), real_listener()
    whole, live = hear(heard, samples)[50:-20], live_rows(heard, samples, [])[50:-20]
    by_feature = [np.corrcoef(a, b)[0, 1] for a, b in zip(whole.T, live.T, strict=True)]
    assert np.median(by_feature) > 0.9
    # A dozen numbers hold the place in the window, and not the sound.
    steady = np.array(by_feature) > 0.5
    assert (~steady).sum() <= 15
    z = [((x - x.mean(0)) / x.std(0))[:, steady] for x in (whole, live)]
    by_row = [np.corrcoef(a, b)[0, 1] for a, b in zip(*z, strict=True)]
    assert np.mean(by_row) > 0.85


def test_a_projection_maps_the_mean_of_the_windows():
    rng, samples = np.random.default_rng(0), leveled(9.0)
    kept = Projection(*(rng.normal(size=n).astype(np.float32) for n in (64, (64, 5))))
    expected = (hear(listener(), samples) - kept.mean) @ kept.matrix
    np.testing.assert_allclose(hear(listener(projection=kept), samples), expected, atol=1e-3)
    assert live_rows(listener(projection=kept), samples, []).shape == expected.shape


def test_what_is_stated_of_the_windows_holds():
    """Look-ahead and duration, which the documentation names in milliseconds."""
    last_column = 2 * LIVE_AHEAD * 160 + 200
    assert LOOK_AHEAD_MS - 10 < last_column * 1000 / RATE <= LOOK_AHEAD_MS
    assert (LIVE_WINDOW * 20, LIVE_STEP * 20) == (3000, 200)
    assert whisper_windows.WINDOW * 20 == 8000 and STEP * 20 == 2200
